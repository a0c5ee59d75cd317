{{/* The release's name, unless it says corelane itself. */}}
{{- define "corelane.name" -}}
{{- if contains "corelane" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-corelane{{ end }}
{{- end }}

{{/* What the service finds its pod by; never changes. */}}
{{- define "corelane.selector" -}}
app.kubernetes.io/name: corelane
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "corelane.labels" -}}
{{ include "corelane.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
