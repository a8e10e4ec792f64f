{{/*
Values that would make a cluster unsafe are refused, with the reason and the way out. What a type or
a range tells is in values.schema.json; here is what only several values together tell.
*/}}
{{- define "portcullis.refuseUnsafeValues" -}}
{{- include "portcullis.refuseOldValues" . -}}
{{- include "portcullis.refuseNamespace" . -}}
{{- include "portcullis.refuseReplicas" . -}}
{{- include "portcullis.refuseAutoscaling" . -}}
{{- include "portcullis.refuseTimes" . -}}
{{- include "portcullis.refuseNames" . -}}
{{- include "portcullis.refuseCertificates" . -}}
{{- end -}}

{{- define "portcullis.refuseCertificates" -}}
{{- with .Values.certificates -}}
{{- $existing := eq .mode "existing-secret" -}}
{{- if and $existing (not .existingSecret.name) -}}
{{- fail "certificates.existingSecret.name: must be given with mode existing-secret: the Secret with tls.crt and tls.key" -}}
{{- end -}}
{{- if and (not $existing) (or .existingSecret.name .existingSecret.caBundle) -}}
{{- fail (printf "certificates.existingSecret: has no effect with mode %s; set certificates.mode=existing-secret, or leave it empty" .mode) -}}
{{- end -}}
{{- if and .certManager.issuerRef (ne .mode "cert-manager") -}}
{{- fail (printf "certificates.certManager.issuerRef: has no effect with mode %s; set certificates.mode=cert-manager, or leave it empty" .mode) -}}
{{- end -}}
{{- if contains "PRIVATE KEY" .existingSecret.caBundle -}}
{{- fail "certificates.existingSecret.caBundle: holds a private key; everybody may read it there: use another key from now on" -}}
{{- end -}}
{{- end -}}
{{- with .Values.server.mtls -}}
{{- if ne (empty .clientCa) (empty .allowedNames) -}}
{{- fail "server.mtls: clientCa and allowedNames must be given together: a CA alone would let in whomever it certifies, the cluster's own every kubelet" -}}
{{- end -}}
{{- if contains "PRIVATE KEY" .clientCa -}}
{{- fail "server.mtls.clientCa: holds a private key; everybody may read it there: use another key from now on" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* `helm upgrade --reuse-values` keeps the last chart's defaults: what is new here would be missing. */}}
{{- define "portcullis.refuseOldValues" -}}
{{- range list "autoscaling" "backstop" "flowSchema" "networkPolicy" "tests" -}}
{{- if not (hasKey $.Values .) -}}
{{- fail (printf "%s: is missing from the values of an older chart; use --reset-then-reuse-values in place of --reuse-values" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.refuseNamespace" -}}
{{- $own := include "portcullis.namespace" . -}}
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
{{- $replicas := include "portcullis.fewestReplicas" . | int -}}
{{- $key := ternary "autoscaling.minReplicas" "replicaCount" .Values.autoscaling.enabled -}}
{{- if and (lt $replicas 2) (has "Fail" (values .Values.webhooks.failurePolicy)) (not .Values.allowSingleReplica) -}}
{{- fail (printf "%s %d with failurePolicy Fail: every restart would refuse writes that Portcullis guards; use 2 or more, set webhooks.failurePolicy to Ignore, or accept it with allowSingleReplica=true" $key $replicas) -}}
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

{{- define "portcullis.refuseAutoscaling" -}}
{{- with .Values.autoscaling -}}
{{- if .enabled -}}
{{- if lt (int .maxReplicas) (int .minReplicas) -}}
{{- fail (printf "autoscaling: maxReplicas %d is less than minReplicas %d" (int .maxReplicas) (int .minReplicas)) -}}
{{- end -}}
{{- $targets := dict "cpu" .targetCPUUtilizationPercentage "memory" .targetMemoryUtilizationPercentage -}}
{{- if not (or $targets.cpu $targets.memory) -}}
{{- fail "autoscaling: has no target; set targetCPUUtilizationPercentage or targetMemoryUtilizationPercentage" -}}
{{- end -}}
{{- range $resource, $percent := $targets -}}
{{- if and $percent (not (dig "requests" $resource "" $.Values.resources.webhook)) -}}
{{- fail (printf "autoscaling: a utilization of %s is a share of the request, and resources.webhook.requests.%s is not set" $resource $resource) -}}
{{- end -}}
{{- end -}}
{{- end -}}
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
{{- range $key := list "commonLabels" "podLabels" -}}
{{- range $label := keys (fromYaml (include "portcullis.selectorLabels" $)) -}}
{{- if hasKey (get $.Values $key) $label -}}
{{- fail (printf "%s: %s is what the Service and the Deployment select by; use nameOverride" $key $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.hostNetwork (eq (toString .Values.hostUsers) "false") -}}
{{- fail "hostUsers: a Pod on the host's network cannot have a user namespace of its own; leave one of hostNetwork and hostUsers=false out" -}}
{{- end -}}
{{- if and .Values.tests.enabled (eq .Values.tests.namespace (include "portcullis.namespace" .)) -}}
{{- fail (printf "tests.namespace: %q is the release namespace, whose objects are never sent to Portcullis; choose another" .Values.tests.namespace) -}}
{{- end -}}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.name: must be given when serviceAccount.create is false; without it any Pod of the namespace could act as Portcullis" -}}
{{- end -}}
{{- $ports := list (int .Values.server.port) (int .Values.server.metricsPort) (int .Values.controller.metricsPort) -}}
{{- if ne 3 (len (uniq $ports)) -}}
{{- fail "server.port, server.metricsPort and controller.metricsPort: must differ, the containers of a Pod share its ports" -}}
{{- end -}}
{{- end -}}
