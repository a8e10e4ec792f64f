{{/*
What all entries of the webhook configurations share, and their CEL.

No caBundle, ever: Portcullis writes it at run time by server-side apply. While it owned it, no entry
could be dropped: a server-side apply by Helm left what the other field manager owned of it, a name
and a caBundle, and the API server refused such a rest ("sideEffects: Required value"), so that the
upgrade failed. It gives the ownership up now (webhook/cluster/bundles.py), but a release that did
not may be the one that is upgraded from. So an entry is never dropped: what is switched off or gone
stands without `rules`, matches nothing and is never called.

An expression that errs is a refusal under failurePolicy Fail. So everything that may be absent is
read by an optional (`.?`, `[?]`), and `object` (null on DELETE) and `oldObject` (null on CREATE)
are compared with null first.
*/}}
{{- define "portcullis.entry" -}}
- name: {{ .name }}.portcullis.dev
  clientConfig:
    service:
      name: {{ include "portcullis.fullname" .root }}
      namespace: {{ include "portcullis.namespace" .root }}
      path: {{ .path }}
      port: {{ .root.Values.service.port }}
  admissionReviewVersions: [v1]
  matchPolicy: Equivalent
  failurePolicy: {{ .failurePolicy }}
  sideEffects: {{ .sideEffects }}
  timeoutSeconds: {{ .timeoutSeconds }}
{{- end -}}

{{/* What the operator leaves out of every entry: all conditions must hold, so more only narrow. */}}
{{- define "portcullis.narrowed" -}}
{{- with .Values.webhooks.matchConditions -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/* Names of the namespaces that default deny leaves alone, our own among them, as JSON. */}}
{{- define "portcullis.systemNamespaces" -}}
{{- append .Values.defaultDeny.systemNamespaces (include "portcullis.namespace" .) | uniq | toJson -}}
{{- end -}}

{{/* Objects of our own namespace are never sent. */}}
{{- define "portcullis.notOwnNamespace" -}}
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: [{{ include "portcullis.namespace" . }}]
{{- end -}}

{{- define "portcullis.cel.username" -}}
request.userInfo.?username.orValue("")
{{- end -}}

{{/* Our own writes: judging them would have a worker wait for another worker. */}}
{{- define "portcullis.notOurselves" -}}
- name: not-ourselves
  expression: {{ include "portcullis.cel.username" . }} != {{ include "portcullis.username" . | toJson }}
{{- end -}}

{{/* The keys that a change is judged by; webhook/calico has the same (tests compare). */}}
{{- define "portcullis.felixKeys" -}}
["ipipEnabled", "vxlanEnabled", "vxlanVNI", "vxlanPort", "ipipMTU", "vxlanMTU", "bpfEnabled", "wireguardEnabled"]
{{- end -}}
{{- define "portcullis.calicoConfigKeys" -}}
["calico_backend", "etcd_endpoints", "cni_network_config", "veth_mtu", "typha_service_name"]
{{- end -}}

{{/*
What Calico's API server writes for who asked it, and was asked about by it: judging it again would
ask for an override of the API server's own user.
*/}}
{{- define "portcullis.cel.notJudgedBefore" -}}
request.resource.group != "crd.projectcalico.org"
|| !({{ include "portcullis.cel.username" . }} in {{ toJson .Values.calico.apiServers }})
{{- end -}}

{{/* Any change of a pool's spec; a finalizer or the status is none. */}}
{{- define "portcullis.cel.calicoSpecChanged" -}}
request.operation != "UPDATE"
|| (request.resource.resource == "ippools" && object.?spec != oldObject.?spec)
|| (request.resource.resource == "felixconfigurations" && {{ include "portcullis.felixKeys" . }}.exists(key,
      object.?spec[?key] != oldObject.?spec[?key]))
{{- end -}}

{{- define "portcullis.cel.calicoDataChanged" -}}
request.operation != "UPDATE"
|| {{ include "portcullis.calicoConfigKeys" . }}.exists(key, object.?data[?key] != oldObject.?data[?key])
{{- end -}}

{{/*
A listed ConfigMap. Its name is the object's: request.name is empty under deletecollection.
"/" stands in no name, so that the pairs are unambiguous.
*/}}
{{- define "portcullis.cel.isListed" -}}
[request.operation == "DELETE" ? oldObject : object].exists(it,
  it.metadata.?namespace.orValue("") + "/" + it.metadata.?name.orValue("") in {{ include "portcullis.listed" . }})
{{- end -}}

{{/* The ConfigMaps of a section of the values, as JSON: "namespace/name". */}}
{{- define "portcullis.listed" -}}
{{- $listed := list -}}
{{- range .configMaps -}}
{{- $listed = append $listed (printf "%s/%s" .namespace .name) -}}
{{- end -}}
{{- uniq $listed | toJson -}}
{{- end -}}

{{/*
A DaemonSet that runs flanneld, before or after: by its usual names, or by a volume that is a listed
ConfigMap. No other workload is sent, least of all Pods of the network plugin.
*/}}
{{- define "portcullis.cel.isFlannelDaemonSet" -}}
[object, oldObject].exists(it, it != null
  && (it.metadata.?name.orValue("") in ["canal", "rke2-canal"]
      || it.metadata.?name.orValue("").startsWith("kube-flannel-ds")
      || it.spec.template.spec.?volumes.orValue([]).exists(volume,
           it.metadata.?namespace.orValue("") + "/" + volume.?configMap.?name.orValue("") in {{ include "portcullis.listed" .Values.flannel }})))
{{- end -}}

{{- define "portcullis.cel.podSpecChanged" -}}
request.operation != "UPDATE" || object.spec.template.spec != oldObject.spec.template.spec
{{- end -}}

{{/* A Namespace with a listed ConfigMap. */}}
{{- define "portcullis.cel.isFlannelNamespace" -}}
{{- $namespaces := list -}}
{{- range .Values.flannel.configMaps -}}
{{- $namespaces = append $namespaces .namespace -}}
{{- end -}}
oldObject.metadata.?name.orValue("") in {{ uniq $namespaces | toJson }}
{{- end -}}

{{- define "portcullis.cel.dataChanged" -}}
request.operation != "UPDATE"
|| object.?data != oldObject.?data
|| object.?binaryData != oldObject.?binaryData
{{- end -}}

{{/* What only users write: theirs may be warned of, and is never held up. */}}
{{- define "portcullis.cel.isUsersOwn" -}}
!({{ include "portcullis.cel.isReserved" . | trim }})
{{- end -}}

{{/* What all entries for users' own NetworkPolicies are called for. */}}
{{- define "portcullis.usersPolicies" -}}
rules:
  - apiGroups: [networking.k8s.io]
    apiVersions: [v1]
    resources: [networkpolicies]
    operations: [CREATE, UPDATE, DELETE]
    scope: Namespaced
matchConditions:
  - name: is-users-own
    expression: |-
      {{- include "portcullis.cel.isUsersOwn" . | nindent 6 }}
  - name: spec-changed
    expression: |-
      request.operation != "UPDATE" || object.?spec != oldObject.?spec
  {{- include "portcullis.notOurselves" . | nindent 2 }}
  - name: not-the-end-of-a-namespace
    expression: |-
      {{- include "portcullis.cel.notNamespaceEnd" . | nindent 6 }}
  {{- include "portcullis.narrowed" . | nindent 2 }}
{{- end -}}

{{/* Whether some change of a user's own NetworkPolicy is refused. */}}
{{- define "portcullis.policiesAreRefused" -}}
{{- $refused := eq (include "portcullis.action" .Values.networkPolicies.reopened) "deny" -}}
{{- range .Values.networkPolicies.checks -}}
{{- $refused = or $refused (eq (include "portcullis.action" .action) "deny") -}}
{{- end -}}
{{- $refused -}}
{{- end -}}

{{/* Whether anything is told of one; checks warn unless the first rule switches all of them off. */}}
{{- define "portcullis.policiesAreTold" -}}
{{- $first := first .Values.networkPolicies.checks | default dict -}}
{{- $silent := and (eq "off" (include "portcullis.action" $first.action)) (not $first.namespaceSelector) (has "*" (get $first "checks" | default list)) -}}
{{- or .Values.warnings.notEnforced .Values.networkPolicies.diff.enabled (not $silent) -}}
{{- end -}}

{{/*
The reverse of networkPolicies.protectedNamespaces, where a selector can say it: of one requirement.
Of several, the entry for all other namespaces sends their policies once more; equal warnings merge.
*/}}
{{- define "portcullis.notProtected" -}}
{{- $selector := .Values.networkPolicies.protectedNamespaces | default dict -}}
{{- $reverse := dict "In" "NotIn" "NotIn" "In" "Exists" "DoesNotExist" "DoesNotExist" "Exists" -}}
{{- $found := list -}}
{{- range $key, $value := $selector.matchLabels -}}
{{- $found = append $found (dict "key" $key "operator" "NotIn" "values" (list $value)) -}}
{{- end -}}
{{- range $selector.matchExpressions -}}
{{- $found = append $found (merge (dict "operator" (get $reverse .operator)) .) -}}
{{- end -}}
{{- if eq 1 (len $found) -}}
{{- toYaml $found -}}
{{- end -}}
{{- end -}}

{{/* Carries our label before or after, or takes a name of ours. */}}
{{- define "portcullis.cel.isReserved" -}}
[object, oldObject].exists(it, it != null
  && it.metadata.?labels[?"app.kubernetes.io/managed-by"].orValue("") == "portcullis")
|| (object != null && object.metadata.?name.orValue("").startsWith("portcullis-"))
{{- end -}}

{{/*
The end of a namespace must not wait for us. kube-controller-manager is the user where it runs
without --use-service-account-credentials.
*/}}
{{- define "portcullis.cel.notNamespaceEnd" -}}
request.operation != "DELETE" || !({{ include "portcullis.cel.username" . }} in [
  "system:serviceaccount:kube-system:namespace-controller",
  "system:serviceaccount:kube-system:generic-garbage-collector",
  "system:kube-controller-manager"])
{{- end -}}

{{/* A regular expression of what the settings exempt; names hold no character that it would mean. */}}
{{- define "portcullis.exemptPattern" -}}
{{- $patterns := list -}}
{{- range .Values.defaultDeny.exemptNamespaces -}}
{{- $patterns = append $patterns (. | replace "*" ".*" | replace "?" "." | replace "[!" "[^") -}}
{{- end -}}
^({{ join "|" $patterns }})$
{{- end -}}

{{/*
An UPDATE that changes a mark; absent and empty differ. And a CREATE with a mark that the mutating
webhook would not have given where nothing but the default profile is set: it is Ignore, so while we
are away a namespace could be born with a forged one, and its pods would never be gated. A mark that
a rule or a wish gave is sent too, and found right. Where rules select by labels, every change of
labels may choose a profile.
*/}}
{{- define "portcullis.cel.marksAreForged" -}}
request.operation == "CREATE"
? !(object.metadata.?labels[?"portcullis.dev/seal"].orValue("pending") in (
      object.metadata.?name.orValue("").matches({{ include "portcullis.exemptPattern" . | toJson }})
      ? ["pending", "exempt"] : ["pending"])
    && object.metadata.?labels[?"portcullis.dev/profile"].orValue({{ toJson .Values.defaultDeny.profile }}) == {{ toJson .Values.defaultDeny.profile }}
    && object.metadata.?annotations[?"portcullis.dev/setting"].orValue({{ toJson .Values.defaultDeny.profile }}) == {{ toJson .Values.defaultDeny.profile }}
    && !["portcullis.dev/reason", "portcullis.dev/report"].exists(mark,
      object.metadata.?annotations[?mark].hasValue()))
: ["portcullis.dev/seal", "portcullis.dev/profile"].exists(mark,
    object.metadata.?labels[?mark] != oldObject.metadata.?labels[?mark])
  || ["portcullis.dev/setting", "portcullis.dev/reason", "portcullis.dev/report"].exists(mark,
    object.metadata.?annotations[?mark] != oldObject.metadata.?annotations[?mark])
  {{- if .Values.defaultDeny.rules }}
  || object.metadata.?labels != oldObject.metadata.?labels
  {{- end }}
{{- end -}}

{{/*
Labels of a Namespace that somebody chose: at its birth any but its name's and ours, later any other
than before.
*/}}
{{- define "portcullis.cel.labelsChanged" -}}
request.operation == "CREATE"
? object.metadata.?labels.orValue({}).exists(key,
    !(key in ["kubernetes.io/metadata.name", "portcullis.dev/seal", "portcullis.dev/profile"]))
: object.metadata.?labels.orValue({}) != oldObject.metadata.?labels.orValue({})
{{- end -}}

{{/*
Mirror pods stand for static pods that run already; refusing them hides these, it stops nothing.
Only nodes make them, and NodeRestriction sees to it.
*/}}
{{- define "portcullis.cel.notMirrorPod" -}}
!(object.metadata.?annotations[?"kubernetes.io/config.mirror"].hasValue()
  && "system:nodes" in request.userInfo.?groups.orValue([]))
{{- end -}}

{{/* What both entries for Pods are called for. */}}
{{- define "portcullis.podRules" -}}
{{- if .Values.defaultDeny.enabled -}}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods]
    operations: [CREATE]
    scope: Namespaced
{{ end -}}
matchConditions:
  - name: not-a-mirror-pod
    expression: |-
      {{- include "portcullis.cel.notMirrorPod" . | nindent 6 }}
  {{- include "portcullis.narrowed" . | nindent 2 }}
{{- end -}}
