{{/* What only one of the two reads, as YAML of a map. Both take the root. */}}

{{- define "headrace.api.settings" -}}
{{- $api := .Values.api -}}
PORT: {{ include "headrace.text" $api.port | quote }}
API_V1_PREFIX: {{ $api.prefix | quote }}
HEADRACE_MAX_BODY_BYTES: {{ include "headrace.text" $api.maxBodyBytes | quote }}
HEADRACE_REQUEST_SECONDS: {{ include "headrace.text" $api.requestSeconds | quote }}
HEADRACE_RECONCILE_SECONDS: {{ include "headrace.text" $api.reconcileSeconds | quote }}
HEADRACE_PREVIEW_SECONDS: {{ include "headrace.text" $api.previewSeconds | quote }}
HEADRACE_RATE_LIMIT: {{ $api.rateLimit | quote }}
HEADRACE_CORS_ORIGINS: {{ include "headrace.text" $api.corsOrigins | quote }}
HEADRACE_TRUSTED_PROXIES: {{ include "headrace.text" $api.trustedProxies | quote }}
HEADRACE_DOCS_ASSETS: {{ $api.docsAssets | quote }}
HEADRACE_AUTH_MODE: {{ .Values.auth.mode }}
HEADRACE_AUTH_OPEN: {{ include "headrace.text" .Values.auth.open | quote }}
{{- if eq .Values.auth.mode "kubernetes" }}
HEADRACE_AUTH_REVIEW: {{ include "headrace.review" . }}
HEADRACE_AUTH_AUDIENCES: {{ include "headrace.text" .Values.auth.audiences | quote }}
{{- end }}
{{- if eq .Values.auth.mode "oidc" }}
{{- with .Values.auth.oidc }}
HEADRACE_OIDC_ISSUER: {{ .issuer | quote }}
HEADRACE_OIDC_AUDIENCE: {{ .audience | quote }}
HEADRACE_OIDC_USERNAME_CLAIM: {{ .usernameClaim | quote }}
HEADRACE_OIDC_USERNAME_PREFIX: {{ .usernamePrefix | quote }}
HEADRACE_OIDC_GROUPS_CLAIM: {{ .groupsClaim | quote }}
HEADRACE_OIDC_GROUPS_PREFIX: {{ .groupsPrefix | quote }}
{{- if .caConfigMap }}
HEADRACE_OIDC_CA_FILE: /etc/headrace/oidc/ca.crt
{{- end }}
{{- with .jwksUrl }}
HEADRACE_OIDC_JWKS_URL: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* How a token of the cluster is checked. */ -}}
{{- define "headrace.review" -}}
{{- $suits := ternary "token" "self" (eq .Values.rbac.scope "cluster") -}}
{{- ternary $suits .Values.auth.review (eq .Values.auth.review "auto") -}}
{{- end -}}

{{- define "headrace.operator.settings" -}}
{{- $operator := .Values.operator -}}
{{- $runner := .Values.runner -}}
HEADRACE_DSN_SECRET: {{ include "headrace.secret" . | quote }}
HEADRACE_PROBE_PORT: {{ include "headrace.text" $operator.probePort | quote }}
HEADRACE_MAX_CONCURRENT_RUNS: {{ include "headrace.text" $operator.maxConcurrentRuns | quote }}
HEADRACE_MAX_STREAMS: {{ include "headrace.text" $operator.maxStreams | quote }}
HEADRACE_RUN_HISTORY: {{ include "headrace.text" $operator.runHistory | quote }}
HEADRACE_PURGE_AFTER_DAYS: {{ include "headrace.text" $operator.purgeAfterDays | quote }}
HEADRACE_SWEEP_SECONDS: {{ include "headrace.text" $operator.sweepSeconds | quote }}
HEADRACE_POLL_SECONDS: {{ include "headrace.text" $operator.pollSeconds | quote }}
HEADRACE_WORKERS: {{ include "headrace.text" $operator.workers | quote }}
HEADRACE_SCHEDULE_WORKERS: {{ include "headrace.text" $operator.scheduleWorkers | quote }}
WAL_MONITOR_INTERVAL_SECONDS: {{ include "headrace.text" $operator.walIntervalSeconds | quote }}
WAL_MONITOR_TIMEOUT_SECONDS: {{ include "headrace.text" $operator.walTimeoutSeconds | quote }}
HEADRACE_WAL_HISTORY_DAYS: {{ include "headrace.text" $operator.walHistoryDays | quote }}
HEADRACE_METRICS_PER_PIPELINE: {{ include "headrace.text" $operator.metricsPerPipeline | quote }}
HEADRACE_RUNNER_IMAGE: {{ include "headrace.image" (dict "root" . "image" $runner.image) | quote }}
HEADRACE_RUNNER_PULL_POLICY: {{ .Values.image.pullPolicy }}
HEADRACE_RUNNER_CPU: {{ $runner.cpu | quote }}
HEADRACE_RUNNER_MEMORY: {{ $runner.memory | quote }}
HEADRACE_RUNNER_CPU_LIMIT: {{ $runner.cpuLimit | quote }}
HEADRACE_RUNNER_SERVICE_ACCOUNT: {{ include "headrace.account" (dict "root" . "component" "runner" "workload" $runner) | quote }}
HEADRACE_RUNNER_IMAGE_PULL_SECRETS: {{ include "headrace.text" .Values.image.pullSecrets | quote }}
HEADRACE_RUNNER_PRIORITY_CLASS: {{ $runner.priorityClassName | quote }}
HEADRACE_RUNNER_NODE_SELECTOR: {{ toJson $runner.nodeSelector | quote }}
HEADRACE_RUNNER_TOLERATIONS: {{ toJson $runner.tolerations | quote }}
HEADRACE_RUNNER_VOLUMES: {{ toJson $runner.extraVolumes | quote }}
HEADRACE_RUNNER_VOLUME_MOUNTS: {{ toJson $runner.extraVolumeMounts | quote }}
HEADRACE_RUNNER_LABELS: {{ toJson $runner.podLabels | quote }}
HEADRACE_RUNNER_ANNOTATIONS: {{ toJson $runner.podAnnotations | quote }}
HEADRACE_RUNNER_USER: {{ include "headrace.text" (default "auto" $runner.user) | quote }}
HEADRACE_RUNNER_BACKOFF_LIMIT: {{ include "headrace.text" $runner.backoffLimit | quote }}
HEADRACE_JOB_TTL_SECONDS: {{ include "headrace.text" $runner.jobTtlSeconds | quote }}
HEADRACE_LOST_AFTER_SECONDS: {{ include "headrace.text" $runner.lostAfterSeconds | quote }}
HEADRACE_NOT_READY_SECONDS: {{ include "headrace.text" $runner.notReadySeconds | quote }}
HEADRACE_GRACE_SECONDS: {{ include "headrace.text" $runner.graceSeconds | quote }}
{{- end -}}
