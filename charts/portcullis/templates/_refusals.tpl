{{/*
Values that would make a cluster unsafe are refused, with the reason and the way out. What a type or
a range tells is in values.schema.json; here is what only several values together tell.
*/}}
{{- define "portcullis.refuseUnsafeValues" -}}
{{- include "portcullis.refuseNamespace" . -}}
{{- include "portcullis.refuseReplicas" . -}}
{{- include "portcullis.refuseTimes" . -}}
{{- include "portcullis.refuseNames" . -}}
{{- end -}}

{{- define "portcullis.refuseNamespace" -}}
{{- $own := .Release.Namespace -}}
{{- if has $own (concat (list "default" "kube-system" "kube-public" "kube-node-lease") .Values.defaultDeny.systemNamespaces) -}}
{{- fail (printf "release namespace %q: Portcullis leaves its own namespace alone, so it needs one of its own; use --namespace portcullis-system --create-namespace" $own) -}}
{{- end -}}
{{- if not (has "kube-system" .Values.defaultDeny.systemNamespaces) -}}
{{- fail "defaultDeny.systemNamespaces: must contain \"kube-system\": a cluster whose own pods wait for Portcullis cannot start" -}}
{{- end -}}
{{- range concat .Values.flannel.configMaps .Values.calico.configMaps -}}
{{- if eq .namespace $own -}}
{{- fail (printf "configMaps: %s/%s is in the release namespace, whose objects are never sent to Portcullis" .namespace .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.refuseReplicas" -}}
{{- $replicas := int .Values.replicaCount -}}
{{- if and (lt $replicas 2) (has "Fail" (values .Values.webhooks.failurePolicy)) (not .Values.allowSingleReplica) -}}
{{- fail (printf "replicaCount %d with failurePolicy Fail: every restart would refuse writes that Portcullis guards; use 2 or more, set webhooks.failurePolicy to Ignore, or accept it with allowSingleReplica=true" $replicas) -}}
{{- end -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- $both := not (or (kindIs "invalid" $budget.minAvailable) (kindIs "invalid" $budget.maxUnavailable)) -}}
{{- if $both -}}
{{- fail "podDisruptionBudget: minAvailable and maxUnavailable exclude each other; set one" -}}
{{- end -}}
{{- $undrainable := or (eq (toString $budget.minAvailable) "100%") (has (toString $budget.maxUnavailable) (list "0" "0%")) -}}
{{- if not (has (kindOf $budget.minAvailable) (list "invalid" "string")) -}}
{{- $undrainable = ge (int $budget.minAvailable) $replicas -}}
{{- end -}}
{{- if and $budget.enabled $undrainable -}}
{{- fail (printf "podDisruptionBudget: it would let none of the %d replicas be evicted, so that no node could be drained" $replicas) -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.refuseTimes" -}}
{{- $needed := include "portcullis.stopSeconds" . | int -}}
{{- $grace := .Values.terminationGracePeriodSeconds -}}
{{- if and (not (kindIs "invalid" $grace)) (lt (int $grace) $needed) -}}
{{- fail (printf "terminationGracePeriodSeconds %d: a replica may need %d s to stop (preStopSeconds + server.drainSeconds + the longest webhook timeout (15 at least) + 5); a shorter grace period kills it while it answers" (int $grace) $needed) -}}
{{- end -}}
{{- with .Values.controller -}}
{{- if not (and (gt (float64 .leaseDuration) (float64 .renewDeadline)) (gt (float64 .renewDeadline) (float64 .retryPeriod))) -}}
{{- fail "controller: leaseDuration > renewDeadline > retryPeriod must hold, or two replicas could lead at once" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.refuseNames" -}}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.name: must be given when serviceAccount.create is false; without it any Pod of the namespace could act as Portcullis" -}}
{{- end -}}
{{- $ports := list (int .Values.server.port) (int .Values.server.metricsPort) (int .Values.controller.metricsPort) -}}
{{- if ne 3 (len (uniq $ports)) -}}
{{- fail "server.port, server.metricsPort and controller.metricsPort: must differ, the containers of a Pod share its ports" -}}
{{- end -}}
{{- end -}}
