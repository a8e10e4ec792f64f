"""Changes of Calico's configuration, for the tables of its checks."""

from webhook.calico import read_config, read_felix, read_pool
from webhook.calico.pool import FINALIZER
from webhook.checks.calico_subjects import CalicoConfigChange, FelixChange, PoolChange
from webhook.checks.registry import Check

BLOCK = "10.244.3.64/26"


def pool(**spec):
    held = {"finalizers": [FINALIZER]} if spec.pop("held", False) else {}
    return read_pool({"metadata": held, "spec": {"cidr": "10.244.0.0/16", **spec}})


def pool_fields(check: Check, old, new, **known) -> list[str]:
    """Fields refused for a pool from one spec (None: no pool) to another."""
    change = PoolChange(
        "default-ipv4-ippool",
        None if old is None else pool(**old),
        None if new is None else pool(**new),
        **known,
    )
    return [violation.field for violation in check.run(change)]


def felix_fields(check: Check, old, new, *, live: str) -> list[str]:
    """Fields refused for a FelixConfiguration from one spec to another."""
    change = FelixChange("default", read_felix({"spec": old}), read_felix({"spec": new}), live)
    return [violation.field for violation in check.run(change)]


def config_fields(check: Check, old, new, *, live: str, ending: bool = False) -> list[str]:
    """Fields refused for calico-config from one data (None: none) to another."""
    sides = (None if data is None else read_config(data) for data in (old, new))
    return [v.field for v in check.run(CalicoConfigChange(*sides, live, ending))]
