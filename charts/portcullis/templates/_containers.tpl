{{/* What both containers share: they are one image. Takes (root, name of the container). */}}
{{- define "portcullis.containerBase" -}}
{{- $root := index . 0 -}}
{{- $fullname := include "portcullis.fullname" $root -}}
image: {{ include "portcullis.image" $root }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
{{- with $root.Values.securityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
env:
  - name: PORTCULLIS_SETTINGS
    value: /etc/portcullis/settings.yaml
  - name: PORTCULLIS_SERVICE
    value: {{ $fullname }}
  - name: PORTCULLIS_INSTALLATION
    value: {{ $fullname }}
  {{- if eq (index . 1) "webhook" }}
  # Where gunicorn's workers share their counters; the controller is one process and has none.
  - name: PROMETHEUS_MULTIPROC_DIR
    value: /tmp/metrics
  {{- end }}
  # One heap for all threads: glibc's heap for each keeps what the thread has freed, 20 MiB a worker.
  - name: MALLOC_ARENA_MAX
    value: "1"
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - name: POD_NAMESPACE
    valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
  - name: POD_SERVICE_ACCOUNT
    valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}
  {{- with $root.Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumeMounts:
  - name: settings
    mountPath: /etc/portcullis
    readOnly: true
  - name: tmp-{{ index . 1 }}
    mountPath: /tmp
  {{- if and (eq (index . 1) "webhook") (ne $root.Values.certificates.mode "self-managed") }}
  - name: tls
    mountPath: /var/run/portcullis/tls
    readOnly: true
  {{- end }}
  {{- if and (eq (index . 1) "controller") (include "portcullis.caFromSecret" $root) }}
  # The CA alone: the controller has no use for the key.
  - name: tls-ca
    mountPath: /var/run/portcullis/tls
    readOnly: true
  {{- end }}
  {{- with $root.Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Readiness, on the port that reviews come to; the kubelet does not verify. Takes the times. */}}
{{- define "portcullis.readyz" -}}
httpGet:
  path: /readyz
  port: https
  scheme: HTTPS
{{ toYaml . }}
{{- end -}}

{{/* Liveness, in plain HTTP beside the metrics. Takes (port, times). */}}
{{- define "portcullis.healthz" -}}
httpGet:
  path: /healthz
  port: {{ index . 0 }}
{{ toYaml (index . 1) }}
{{- end -}}
