"""What etcd mode checks beyond the reading, and flannel before v0.20.0 in kube mode too.

Source: flannel pkg/subnet/config.go (`CheckNetworkConfig`).
"""

from webhook.netconf.config import Config, Reading
from webhook.netconf.errors import NetConfError, Stage
from webhook.netconf.nets import IP4Net, IP6Net, ip4_string, ip6_string, v6_mask

_U32 = 2**32 - 1
_V4_LIMITS = (30, 28, 22, 24)
_V6_LIMITS = (126, 124, 62, 64)


class _CheckFails(Exception):  # noqa: N818 - becomes a NetConfError with its place
    """A rule is broken.

    Args:
        key: the key at fault.
        message: flannel's own message.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


def check_network_config(config: Config) -> str | None:
    """Return the error of `CheckNetworkConfig` in flannel's own words, None if there is none."""
    try:
        _check(config)
    except _CheckFails as failure:
        return failure.message
    return None


def network_config_error(reading: Reading, stage: Stage = Stage.NETWORK) -> NetConfError | None:
    """Return the error of `CheckNetworkConfig` with its place, None if there is none.

    Args:
        reading: the text as `ParseConfig` accepts it.
        stage: where flanneld stops over it; parse before v0.20.0.
    """
    try:
        _check(reading.config)
    except _CheckFails as failure:
        member = reading.taken.get(failure.key)
        return NetConfError(
            stage,
            key=failure.key,
            expected=failure.message,
            data=reading.data,
            offset=member.start if member else reading.section.at,
        )
    return None


def _check(config: Config) -> None:
    if config.enable_ip4:
        _check_ip4(config)
    if config.enable_ip6:
        _check_ip6(config)


def _subnet_len(prefix: str, length: int, ones: int, limits: tuple[int, int, int, int]) -> int:
    """Return the prefix length of a node's subnet: the given one, or flannel's choice."""
    longest, smallest, roomy, usual = limits
    if length > 0:
        if length > longest:
            raise _CheckFails(f"{prefix}SubnetLen", f"SubnetLen must be less than /{longest + 1}")
        if length < ones + 2:
            message = "network must be able to accommodate at least four subnets"
            raise _CheckFails(f"{prefix}SubnetLen", message)
        return length
    if ones > smallest:
        name = "IPv6Network" if prefix else "network"
        message = f"{name} is too small. Minimum useful network prefix is /{smallest}"
        raise _CheckFails(f"{prefix}Network", message)
    return usual if ones <= roomy else ones + 2


def _check_ip4(config: Config) -> None:
    network = config.network
    if network.empty:
        message = "please define a correct Network parameter in the flannel config"
        raise _CheckFails("Network", message)
    length = _subnet_len("", config.subnet_len, network.ones, _V4_LIMITS)
    size = 1 << 32 - length
    # uint32 wraps: a network at the end of the address space ends at 0.
    last = network.ip + (1 << 32 - network.ones) - size & _U32
    low = _given("SubnetMin", config.subnet_min, network) or network.ip + size & _U32
    high = _given("SubnetMax", config.subnet_max, network) or last
    for key, value in (("SubnetMin", low), ("SubnetMax", high)):
        if value % size:
            message = f"{key} is not on a SubnetLen boundary: {ip4_string(value)}"
            raise _CheckFails(key, message)


def _given(key: str, value: int, network: IP4Net | IP6Net) -> int:
    """Return a given bound, 0 if none is; it has to lie in the network."""
    if value and not network.has(value):
        name = "IPv6Network" if isinstance(network, IP6Net) else "Network"
        raise _CheckFails(key, f"{key} is not in the range of the {name}")
    return value


def _check_ip6(config: Config) -> None:
    network = config.ip6_network
    if network.empty:
        message = "please define a correct IPv6Network parameter in the flannel config"
        raise _CheckFails("IPv6Network", message)
    length = _subnet_len("IPv6", config.ip6_subnet_len, network.ones, _V6_LIMITS)
    size = 1 << 128 - length
    # big.Int does not wrap: a bound beyond 128 bits loses its top under the mask, and so fails.
    last = network.ip + (1 << 128 - network.ones) - size
    low = _given("IPv6SubnetMin", config.ip6_subnet_min or 0, network) or network.ip + size
    high = _given("IPv6SubnetMax", config.ip6_subnet_max or 0, network) or last
    for key, value in (("IPv6SubnetMin", low), ("IPv6SubnetMax", high)):
        if value & v6_mask(length) != value:
            message = f"{key} is not on a SubnetLen boundary: {_shown(value)}"
            raise _CheckFails(key, message)


def _shown(value: int) -> str:
    return ip6_string(value) if value < 1 << 128 else hex(value)
