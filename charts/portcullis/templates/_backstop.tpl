{{/*
What both backstops share. They refuse, without us, what would take away what we guard; and only
while nobody of us can say more. Whether that is so they read from the PodDisruptionBudget, whose
status counts the ready replicas: CEL has no clock and sees no Pods. A Deployment would tell too, but
the API server keeps all objects of the kind in memory, and of budgets there are few.

No budget, no refusal: what `helm uninstall` leaves of us for a moment must block nothing.
*/}}
{{- define "portcullis.backstopBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  {{- include "portcullis.meta" (list .root dict) | nindent 2 }}
spec:
  policyName: {{ .name }}
  paramRef:
    name: {{ include "portcullis.fullname" .root }}
    namespace: {{ include "portcullis.namespace" .root }}
    parameterNotFoundAction: Allow
  validationActions: [Deny]
{{- end -}}

{{- define "portcullis.backstopParams" -}}
paramKind:
  apiVersion: policy/v1
  kind: PodDisruptionBudget
{{- end -}}

{{/*
The variables of a backstop. Takes what its check is called.

The end of a namespace is told by the Namespace, not by the object's own deletionTimestamp
(CVE-2023-34091). The override is ours: annotation and permission.
*/}}
{{- define "portcullis.backstopVariables" -}}
- name: answering
  expression: params.?status.?currentHealthy.orValue(0) > 0
- name: ending
  expression: namespaceObject != null && namespaceObject.metadata.?deletionTimestamp.hasValue()
- name: reason
  expression: |-
    [object, oldObject].filter(it, it != null).map(it,
      it.metadata.?annotations[?"portcullis.dev/override"].orValue("").trim())[0]
- name: permission
  expression: |-
    {{ . }}
- name: overridden
  expression: |-
    variables.reason != ""
    && authorizer.group("portcullis.dev").resource("guards").name(variables.permission).check("override").allowed()
- name: howto
  expression: |-
    "; no replica of Portcullis is ready to say more; to override, annotate the object with "
    + "portcullis.dev/override: \"<reason>\"; this needs the verb \"override\" on guards.portcullis.dev/"
    + variables.permission
{{- end -}}

{{/*
Who asked to override is in the audit log, and the event's code tells whether he may: no authorizer is
at hand here. What is empty is left out.
*/}}
{{- define "portcullis.backstopAudit" -}}
- key: override-asked
  valueExpression: |-
    !variables.answering && variables.reason != "" ? variables.permission + ": " + variables.reason : ""
{{- end -}}

{{/* A change of what we injected that our check would refuse; tests compare. */}}
{{- define "portcullis.cel.injectedIsBroken" -}}
request.operation == "DELETE"
|| object.?spec != oldObject.?spec
|| object.metadata.?ownerReferences.orValue([]) != oldObject.metadata.?ownerReferences.orValue([])
|| ["app.kubernetes.io/managed-by", "portcullis.dev/profile"].exists(key,
     object.metadata.?labels[?key] != oldObject.metadata.?labels[?key])
{{- end -}}

{{/* A listed ConfigMap, or its net-conf.json, is taken away; or the Namespace that holds one. */}}
{{- define "portcullis.cel.netConfIsTaken" -}}
request.resource.resource == "namespaces"
? {{ include "portcullis.cel.isFlannelNamespace" . }}
: (oldObject.metadata.?namespace.orValue("") + "/" + oldObject.metadata.?name.orValue("") in {{ include "portcullis.listed" .Values.flannel }}
   && (oldObject.?data[?"net-conf.json"].hasValue() || oldObject.?binaryData[?"net-conf.json"].hasValue())
   && (request.operation == "DELETE"
       || !(object.?data[?"net-conf.json"].hasValue() || object.?binaryData[?"net-conf.json"].hasValue())))
{{- end -}}
