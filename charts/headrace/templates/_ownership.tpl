{{/* Whose something is that is in the cluster already; Helm notes that in annotations. */}}

{{- /* "true" when it is this release's. Takes root and live. */ -}}
{{- define "headrace.isOurs" -}}
{{- $notes := default dict .live.metadata.annotations -}}
{{- $name := get $notes "meta.helm.sh/release-name" -}}
{{- $namespace := get $notes "meta.helm.sh/release-namespace" -}}
{{- if and (eq $name .root.Release.Name) (eq $namespace .root.Release.Namespace) }}true{{ end -}}
{{- end -}}

{{- /* Whose it is, in words. Takes live. */ -}}
{{- define "headrace.owner" -}}
{{- $notes := default dict .live.metadata.annotations -}}
{{- with get $notes "meta.helm.sh/release-name" -}}
release {{ . }} in namespace {{ get $notes "meta.helm.sh/release-namespace" }}
{{- else -}}
no release
{{- end -}}
{{- end -}}

{{- /* Takes crd. */ -}}
{{- define "headrace.crd.hash" -}}
{{- toJson .crd.spec.versions | sha256sum | trunc 16 -}}
{{- end -}}

{{- /* "true" when a definition in the cluster is the chart's; one that a chart made says so by its hash. Takes live and crd. */ -}}
{{- define "headrace.crd.isSame" -}}
{{- $noted := get (default dict .live.metadata.annotations) "headrace.dev/schema-hash" -}}
{{- $isEqual := eq (toJson .live.spec.versions) (toJson .crd.spec.versions) -}}
{{- if and $isEqual (eq (default (include "headrace.crd.hash" .) $noted) (include "headrace.crd.hash" .)) }}true{{ end -}}
{{- end -}}

{{- /* What to do with a definition: `render` it, `leave` it, or `refuse` to go on. Takes root and crd. */ -}}
{{- define "headrace.crd.verdict" -}}
{{- $live := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" .crd.metadata.name -}}
{{- if or (not $live) .root.Values.crds.takeOwnership -}}
render
{{- else if include "headrace.isOurs" (dict "root" .root "live" $live) -}}
render
{{- else if include "headrace.crd.isSame" (dict "live" $live "crd" .crd) -}}
leave
{{- else -}}
refuse
{{- end -}}
{{- end -}}

{{- /* Takes root and crd. */ -}}
{{- define "headrace.crd.refusal" -}}
{{- $live := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" .crd.metadata.name -}}
{{- $chart := default "another version" (get (default dict $live.metadata.labels) "helm.sh/chart") -}}
{{- printf "%s is in the cluster already, as %s has it, and that is not what %s needs. It belongs to %s. Upgrade that release to this chart first; or take the definitions over: --set crds.takeOwnership=true --take-ownership; or, if something else keeps them up to date, leave them to that: --set crds.install=false." .crd.metadata.name $chart (include "headrace.chart" .root) (include "headrace.owner" (dict "live" $live)) -}}
{{- end -}}

{{- /* "true" when ClusterRoles headrace-view, -edit, -admin are another release's. */ -}}
{{- define "headrace.rolesAreForeign" -}}
{{- $live := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "headrace-view" -}}
{{- if and $live (not (include "headrace.isOurs" (dict "root" . "live" $live))) }}true{{ end -}}
{{- end -}}
