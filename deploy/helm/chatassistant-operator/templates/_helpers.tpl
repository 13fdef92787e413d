{{/* What the objects are called. */}}
{{- define "chatassistant-operator.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end }}

{{/* The labels by which the operator's pods are found; they never change. */}}
{{- define "chatassistant-operator.selector" -}}
app.kubernetes.io/name: chatassistant-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "chatassistant-operator.labels" -}}
{{ include "chatassistant-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: chatassistant
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "chatassistant-operator.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "chatassistant-operator.name" .) "default") -}}
{{- end }}

{{/* An image by digest where there is one, else by tag; takes the image and the tag to use when it has none. */}}
{{- define "chatassistant-operator.image" -}}
{{- $image := index . 0 -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default (index . 1) }}{{ end -}}
{{- end }}

{{- define "chatassistant-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "chatassistant-operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
