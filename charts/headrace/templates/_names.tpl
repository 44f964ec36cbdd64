{{/* What everything is called, and the labels by which it is found. All take the root. */}}

{{- define "headrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- /* 50 characters, so that what is put behind it fits into a label. */ -}}
{{- define "headrace.fullname" -}}
{{- $name := include "headrace.name" . -}}
{{- $given := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $given .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- /* Of what belongs to the whole cluster: two releases of one name in two namespaces are two. */ -}}
{{- define "headrace.clusterwide" -}}
{{- printf "%s-%s" .Release.Namespace (include "headrace.fullname" .) -}}
{{- end -}}

{{- define "headrace.installation" -}}
{{- default .Release.Name .Values.installation -}}
{{- end -}}

{{- /* As headrace_operator names it. */ -}}
{{- define "headrace.lease" -}}
{{- printf "headrace-%s" (regexReplaceAll "[^a-z0-9]+" (include "headrace.installation" . | lower) "-" | trimAll "-") -}}
{{- end -}}

{{- define "headrace.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* The Secret that runners, API and operator read. */ -}}
{{- define "headrace.secret" -}}
{{- default (printf "%s-connections" (include "headrace.fullname" .)) .Values.connections.existingSecret -}}
{{- end -}}

{{- /* By which a component's pods are found; never changes. Takes root and component. */ -}}
{{- define "headrace.selector" -}}
app.kubernetes.io/name: {{ include "headrace.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* Takes root and component. */ -}}
{{- define "headrace.labels" -}}
{{ include "headrace.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: headrace
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ include "headrace.chart" .root }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Labels and annotations below `metadata:`. Takes root, component, and if there are any `labels` and `annotations`. */ -}}
{{- define "headrace.metadata" -}}
labels:
  {{- if .labels }}
  {{- toYaml (merge (dict) .labels (include "headrace.labels" . | fromYaml)) | nindent 2 }}
  {{- else }}
  {{- include "headrace.labels" . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Takes root and an image of the values. */ -}}
{{- define "headrace.image" -}}
{{- $path := .image.repository -}}
{{- with .root.Values.image.registry }}{{ $path = printf "%s/%s" . $path }}{{ end -}}
{{- $tag := coalesce .image.tag .root.Values.image.tag .root.Chart.AppVersion -}}
{{- printf "%s:%s" $path $tag -}}{{ with .image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- /* Takes root, component and workload. */ -}}
{{- define "headrace.account" -}}
{{- $account := .workload.serviceAccount -}}
{{- $own := printf "%s-%s" (include "headrace.fullname" .root) .component -}}
{{- default (ternary $own "default" $account.create) $account.name -}}
{{- end -}}
