{{/* The pods of API and operator, which differ in little, and what all pods of the chart have in common. */}}

{{- /* A value as an environment variable holds it: lists by commas, numbers without an exponent. */ -}}
{{- define "headrace.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else if kindIs "slice" . }}{{ join "," . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end -}}

{{- /* What both read (headrace_api.settings, headrace_operator.settings). Takes root and workload; gives YAML of a map. */ -}}
{{- define "headrace.settings" -}}
{{- $pool := .workload.storePool -}}
HEADRACE_NAMESPACE: {{ .root.Release.Namespace | quote }}
HEADRACE_INSTALLATION: {{ include "headrace.installation" .root | quote }}
ALLOWED_TARGET_TABLES: {{ include "headrace.text" .root.Values.allowedTargets | quote }}
DB_POOL_SIZE: {{ include "headrace.text" $pool.size | quote }}
DB_MAX_OVERFLOW: {{ include "headrace.text" $pool.maxOverflow | quote }}
DB_POOL_TIMEOUT: {{ include "headrace.text" $pool.timeoutSeconds | quote }}
LOG_LEVEL: {{ .workload.logLevel | quote }}
{{- end -}}

{{- /* The list `env`. Takes root, workload and settings, a map; what is in extraEnv is not set twice. */ -}}
{{- define "headrace.env" -}}
{{- $extra := dict -}}
{{- range .workload.extraEnv }}{{ $_ := set $extra .name true }}{{ end -}}
{{- range $name, $value := .settings }}
{{- if not (hasKey $extra $name) }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- if not (hasKey $extra "HEADRACE_STORE_DSN") }}
{{ include "headrace.dsn" .root }}
{{- end }}
{{- if not (hasKey $extra "HOST") }}
- name: HOST
  {{- if eq .root.Values.listenOn "podIP" }}
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
  {{- else }}
  value: 0.0.0.0
  {{- end }}
{{- end }}
{{- with .workload.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "headrace.dsn" -}}
- name: HEADRACE_STORE_DSN
  valueFrom: {secretKeyRef: {name: {{ include "headrace.secret" . | quote }}, key: store}}
{{- end -}}

{{- define "headrace.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "headrace.probe" -}}
httpGet: {path: {{ .path }}, port: {{ .port }}}
{{ toYaml .probe }}
{{- end -}}

{{- /* Takes root, component, workload, module, port (its number and name), env and, if there are any, lifecycle, volumes, mounts. */ -}}
{{- define "headrace.pod" -}}
{{- $values := .root.Values -}}
{{- $volumes := concat (default list .volumes) .workload.extraVolumes -}}
{{- $mounts := concat (default list .mounts) .workload.extraVolumeMounts -}}
metadata:
  labels:
    {{- toYaml (merge (include "headrace.labels" . | fromYaml) .workload.podLabels) | nindent 4 }}
  {{- $made := dict }}
  {{- if not $values.connections.existingSecret }}
  {{- /* More people read pods than Secrets: by scrypt, so that nobody tries passwords on it at speed. */}}
  {{- $slow := derivePassword 1 "maximum" (toJson $values.connections) .root.Release.Name .root.Release.Namespace }}
  {{- $_ := set $made "checksum/connections" (sha256sum $slow | trunc 8) }}
  {{- end }}
  {{- with merge $made .workload.podAnnotations $values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "headrace.account" . | quote }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  {{- with include "headrace.pullSecrets" .root }}
  {{- . | nindent 2 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ int64 .workload.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml $values.podSecurityContext | nindent 4 }}
  containers:
    - name: {{ .component }}
      image: {{ include "headrace.image" (dict "root" .root "image" .workload.image) }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [python, -m, {{ .module }}]
      env:
        {{- .env | nindent 8 }}
      ports:
        - {name: {{ .port.name }}, containerPort: {{ .port.number }}, protocol: TCP}
      startupProbe:
        {{- include "headrace.probe" (dict "path" "/livez" "port" .port.name "probe" .workload.probes.startup) | nindent 8 }}
      livenessProbe:
        {{- include "headrace.probe" (dict "path" "/livez" "port" .port.name "probe" .workload.probes.liveness) | nindent 8 }}
      readinessProbe:
        {{- include "headrace.probe" (dict "path" "/readyz" "port" .port.name "probe" .workload.probes.readiness) | nindent 8 }}
      {{- with .lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .workload.resources | nindent 8 }}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      {{- with $mounts }}
      volumeMounts:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- with $volumes }}
  volumes:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .workload.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with .workload.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .workload.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .workload.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $selector := dict "matchLabels" (include "headrace.selector" . | fromYaml) }}
  {{- with .workload.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ toYaml (merge (deepCopy .) (ternary (dict) (dict "labelSelector" $selector) (hasKey . "labelSelector"))) | nindent 6 | trim }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- /* Of API and operator: a budget, and an account. Take root, component and workload. */ -}}
{{- define "headrace.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "headrace.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace | quote }}
  {{- include "headrace.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .workload.podDisruptionBudget.maxUnavailable }}
  # A pod that does not get ready holds up no node.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "headrace.selector" . | nindent 6 }}
{{- end -}}

{{- define "headrace.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "headrace.account" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  {{- include "headrace.metadata" (merge (dict "annotations" .workload.serviceAccount.annotations) .) | nindent 2 }}
# Pods that need a token ask for it themselves.
automountServiceAccountToken: false
{{- end -}}
