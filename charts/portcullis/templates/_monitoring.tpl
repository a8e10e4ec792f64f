{{/* labels and annotations of what others find by labels. Takes (root, labels, annotations). */}}
{{- define "portcullis.foundMeta" -}}
{{- $root := index . 0 -}}
labels:
  {{- include "portcullis.labels" $root | nindent 2 }}
{{- with index . 1 }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with merge (deepCopy (index . 2)) $root.Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The two endpoints of a Pod, for either kind of monitor. Takes its values. */}}
{{- define "portcullis.scrapes" -}}
{{- range list "metrics" "ctl-metrics" }}
- port: {{ . }}
  path: /metrics
  interval: {{ $.interval }}
{{- with $.relabelings }}
  relabelings: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}
