{{- define "portcullis.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of everything that is one per release. 53 characters leave room for suffixes. */}}
{{- define "portcullis.fullname" -}}
{{- $name := include "portcullis.name" . -}}
{{- $made := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $made | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{/* Where Portcullis runs: the release's namespace, unless a parent chart says otherwise. */}}
{{- define "portcullis.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "portcullis.selectorLabels" -}}
app.kubernetes.io/name: {{ include "portcullis.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: portcullis
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of an object. Takes (root, annotations of its own). */}}
{{- define "portcullis.meta" -}}
{{- $root := index . 0 -}}
labels: {{- include "portcullis.labels" $root | nindent 2 }}
{{- with merge (deepCopy (index . 1)) $root.Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "portcullis.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "portcullis.fullname" .) -}}
{{- end -}}

{{/* Our user name as the API server tells it in request.userInfo. */}}
{{- define "portcullis.username" -}}
system:serviceaccount:{{ include "portcullis.namespace" . }}:{{ include "portcullis.serviceAccountName" . }}
{{- end -}}

{{- define "portcullis.caSecretName" -}}
{{- .Values.certificates.secretName | default (printf "%s-ca" (include "portcullis.fullname" .)) -}}
{{- end -}}

{{/* The Secret of the serving certificate, where it is not ours. */}}
{{- define "portcullis.tlsSecretName" -}}
{{- .Values.certificates.existingSecret.name | default (printf "%s-tls" (include "portcullis.fullname" .)) -}}
{{- end -}}

{{/* Whether the caBundle is read from that Secret by us. */}}
{{- define "portcullis.caFromSecret" -}}
{{- if and (eq .Values.certificates.mode "existing-secret") (not .Values.certificates.existingSecret.caBundle) }}true{{ end -}}
{{- end -}}

{{/* Seconds of a duration, such as 720h or 1h30m. */}}
{{- define "portcullis.seconds" -}}
{{- $units := dict "h" 3600 "m" 60 "s" 1 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+[hms]" . -1 -}}
{{- $sum = add $sum (mul (get $units (trunc -1 .)) (regexFind "[0-9]+" . | atoi)) -}}
{{- end -}}
{{- $sum -}}
{{- end }}

{{/* Annotations of both webhook configurations. */}}
{{- define "portcullis.webhookAnnotations" -}}
{{- $ours := dict -}}
{{- if eq .Values.certificates.mode "cert-manager" -}}
{{- $ours = dict "cert-manager.io/inject-ca-from" (printf "%s/%s-tls" (include "portcullis.namespace" .) (include "portcullis.fullname" .)) -}}
{{- end -}}
{{- with merge $ours (deepCopy .Values.webhooks.annotations) }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- define "portcullis.image" -}}
{{- with .Values.image -}}
{{- with $.Values.global.imageRegistry | default .registry -}}{{ . }}/{{- end -}}
{{ .repository }}
{{- if .digest -}}@{{ .digest }}{{- else -}}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.imagePullSecrets" -}}
{{- with concat .Values.global.imagePullSecrets .Values.imagePullSecrets | uniq -}}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* The fewest replicas that the values allow. */}}
{{- define "portcullis.fewestReplicas" -}}
{{- .Values.autoscaling.enabled | ternary .Values.autoscaling.minReplicas .Values.replicaCount | int -}}
{{- end -}}

{{/* An action, deny or warn or off; `off` without quotes is false in YAML. */}}
{{- define "portcullis.action" -}}
{{- ternary "off" . (kindIs "bool" .) -}}
{{- end -}}

{{/* What becomes of older namespaces; likewise. */}}
{{- define "portcullis.backfill" -}}
{{- .Values.defaultDeny.backfill | default "off" -}}
{{- end -}}

{{/* The settings file, in the keys of webhook/settings.py. */}}
{{- define "portcullis.settings" -}}
{{- $deny := set (deepCopy .Values.defaultDeny) "backfill" (include "portcullis.backfill" .) -}}
{{- $policies := deepCopy .Values.networkPolicies -}}
{{- if hasKey $policies "reopened" -}}
{{- $_ := set $policies "reopened" (include "portcullis.action" $policies.reopened) -}}
{{- end -}}
{{- range $policies.checks -}}
{{- $_ := set . "action" (include "portcullis.action" .action) -}}
{{- end -}}
{{- $certificates := dict
      "secretName" (include "portcullis.caSecretName" .)
      "leafDuration" .Values.certificates.leafDuration
      "webhookConfiguration" (include "portcullis.fullname" .)
      "mode" .Values.certificates.mode
      "refreshPeriod" .Values.certificates.refreshPeriod
      "caBundle" .Values.certificates.existingSecret.caBundle -}}
{{- dict
      "flannel" .Values.flannel
      "calico" .Values.calico
      "warnings" .Values.warnings
      "defaultDeny" $deny
      "networkPolicies" $policies
      "logging" .Values.logging
      "events" .Values.events
      "reports" .Values.reports
      "tracing" .Values.tracing
      "server" .Values.server
      "controller" .Values.controller
      "certificates" $certificates
    | toYaml -}}
{{- end -}}

{{/*
How long a Pod may need to stop: leave the endpoints, drain, finish the last review. gunicorn.conf.py
gives the last one 15 s.
*/}}
{{- define "portcullis.stopSeconds" -}}
{{- $longest := max .Values.webhooks.timeoutSeconds .Values.webhooks.podTimeoutSeconds 15 | int -}}
{{- add (int .Values.preStopSeconds) (ceil .Values.server.drainSeconds) $longest 5 -}}
{{- end -}}
