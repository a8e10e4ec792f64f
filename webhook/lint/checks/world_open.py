"""ipBlocks that together are the whole world."""

from collections.abc import Iterator

from webhook.lint.groups import Group, groups
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait, of_rule
from webhook.lint.union import whole_world
from webhook.netpol.addresses import FAMILIES
from webhook.netpol.model import Direction
from webhook.netpol.ports import conn_text


@lint("world-open", Severity.WARNING, Subject, needs=Needs.CLUSTER, by_rule=True)
def world_open(subject: Subject) -> Iterator[Problem]:
    """The ipBlocks of all rules on a pod do not add up to every address.

    Why: rules are added up, within a policy and over all policies on a pod. `0.0.0.0/1` with
    `128.0.0.0/1` is `0.0.0.0/0`, also where each stands in a policy of its own, and none of them
    looks like it. Only blocks that are open on the same port are added up.

    Fix: name the networks that are meant; a rule without peers says plainly that all are.
    """
    for direction in subject.directions:
        # Told at the first policy that contributes a block.
        if not any(Trait.BLOCK in of_rule(rule) for rule in subject.policy.rules(direction)):
            continue
        for group in groups(subject.cluster, subject.policy, direction):
            found = list(_group(subject, group))
            if found:
                yield from found
                break


def _group(subject: Subject, group: Group) -> Iterator[Problem]:
    for family in FAMILIES:
        opening = whole_world(group, family, subject.cluster.checkpoint)
        if opening is not None and opening.policies[0] == subject.policy.key:
            others = ", ".join(opening.policies[1:])
            along = f" together with {others}" if others else ""
            way = "from" if group.direction is Direction.INGRESS else "to"
            ports = conn_text(opening.ports) if opening.ports else "named ports"
            message = (
                f"ipBlocks{along} open {ports} {way} all of IPv{family}: name the networks meant"
            )
            yield Problem(("spec", group.direction.lower()), message)
