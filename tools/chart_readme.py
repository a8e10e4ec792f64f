"""Writes charts/portcullis/README.md: the values table, from values.schema.json.

Usage: ``python tools/chart_readme.py``. A test fails while the file is stale.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHART = Path(__file__).parents[1] / "charts" / "portcullis"
README = CHART / "README.md"

HEAD = """\
<!-- Made by tools/chart_readme.py from values.schema.json: change these, not this. -->
# The Portcullis chart

```
helm install portcullis charts/portcullis --namespace portcullis-system --create-namespace
```

Needs Kubernetes 1.30 or newer; docs/install.md tells of upgrades, rollbacks, removal and the keys
that are not here. The chart renders no `caBundle`: Portcullis writes it at run time and then gives
up owning it, so that neither an upgrade nor a GitOps tool touches it, and a rollback may take an
entry away. Unsafe values are refused with the reason: a release in kube-system, one replica with
failurePolicy `Fail`, a grace period that kills a replica while it answers, and others.

## What the API server sends

| Entry | Of | When we cannot be reached | Never sent |
|---|---|---|---|
| `flannel` | the listed ConfigMaps | refused | other ConfigMaps; updates of other fields |
| `flannel-daemonsets` | DaemonSets that run flanneld: `kube-flannel-ds…`, `canal`, \
`rke2-canal`, or with a listed ConfigMap as a volume | admitted | other DaemonSets; \
updates that leave the Pod's spec; Pods |
| `flannel-namespaces` | the deletion of a Namespace with a listed ConfigMap | refused | \
other Namespaces |
| `calico` | Calico's IPPools and FelixConfigurations | refused | \
updates of other than a pool's spec or Felix's tunnel keys; what Calico's API server writes |
| `calico-config` | the ConfigMap of a Calico installed by manifest | refused | \
its creation; updates of other keys |
| `networkpolicies` | policies with our label, or named `portcullis-…` | refused | \
other policies; deletions by the namespace controller and the garbage collector |
| `networkpolicies-sealed` | every other policy of sealed and pending namespaces | refused | \
updates that leave the spec; deletions by the namespace controller and the garbage collector |
| `networkpolicies-protected` | the same where `networkPolicies.protectedNamespaces` selects | \
refused | the same |
| `networkpolicies-elsewhere` | users' own policies in other namespaces, to tell what they do | \
admitted | updates that leave the spec; policies of the lines above |
| `networkpolicies-new` | nothing: the former name of the entry above, without rules, as an older \
release owns its caBundle and could not be upgraded from if it were dropped | - | everything |
| `marks` | Namespaces whose marks `portcullis.dev/*` change, or are born forged; any labels \
where `defaultDeny.rules` select by some | refused | every other update; finalization |
| `namespace-labels` | Namespaces whose labels change, or are born with some, to warn whom they \
let in | admitted | updates that leave the labels |
| `namespaces` | new Namespaces, to be marked | left unmarked | system namespaces |
| `pods-pending` | new Pods of a Namespace whose policies do not stand yet | refused | mirror pods |
| `pods-unmarked` | new Pods of Namespaces without a mark | admitted | mirror pods |

Pods of sealed and exempt Namespaces, of the system namespaces and of our own are never sent. With
`defaultDeny.enabled=false` the last five entries stand without rules and are never called; they
are not dropped, as Helm's server-side apply would then leave half an entry, the caBundle, behind.

## Break-glass

ClusterRole `<fullname>-override` is bound to nobody. Who is bound to it may let a refused change
through with the annotation `portcullis.dev/override: "<reason>"` on the object. A role of your own
can allow single checks: `resourceNames: [netconf-directrouting-live]`.

## Profiles of your own

A ConfigMap `<fullname>-profiles` in the release namespace: keys `own-<name>.yaml`, each with the
NetworkPolicies of one profile. It is not part of the chart. See docs/default-deny.md.

## Uninstall

`helm uninstall` removes both webhook configurations first, and Portcullis may not create them
anew. What was made at run time stays: the CA's Secret, the Lease, what flannel's
ConfigMap held when it was taken away (`<fullname>-netconf`; delete it, for it may hold keys), your
`<fullname>-profiles`, the injected NetworkPolicies, the labels of Namespaces (docs/install.md).

## Values

| Key | Default | What it is |
|---|---|---|
"""


def render() -> str:
    """The README as it ought to be."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    return HEAD + "".join(_rows(schema, ()))


def _rows(schema: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key, value in schema["properties"].items():
        here = (*path, key)
        if "properties" in value:
            yield from _rows(value, here)
        elif "default" in value:
            default = json.dumps(value["default"], ensure_ascii=False)
            yield f"| `{'.'.join(here)}` | `{default}` | {_description(value)} |\n"


def _description(value: dict[str, Any]) -> str:
    if "enum" not in value:
        return str(value["description"])
    choices = ", ".join(f"`{choice}`" for choice in value["enum"] if choice)
    return f"{value['description']} One of {choices}."


if __name__ == "__main__":
    README.write_text(render())
