"""docs/flannel.md leaves nothing out of what the code rates and refuses."""

import re

import pytest

from tests.e2e import flannel_rows
from tests.netconfs import read
from tools.flannel_page import EXAMPLES, INSTALLERS, LISTING, change_of, render
from webhook.checks import CHECKS
from webhook.netconf import Context, NetConf, Rating, Version, changes, network_changes, rules
from webhook.settings import FLANNEL_CONFIG_MAPS, ConfigMapRef, decode_settings

SEEN = [each for example in EXAMPLES for each in change_of(example).rated]


@pytest.mark.parametrize("rule", rules.RULES, ids="-".join)
def test_every_rule_of_a_backends_key_has_its_row(rule) -> None:
    """A rule that is added to the table of the code is shown on the page."""
    reasons = {each.reason for each in SEEN}

    assert rules.RULES[rule].reason in reasons


@pytest.mark.parametrize(
    "rule",
    [
        rules.NO_BACKEND,
        rules.TO_WIREGUARD,
        rules.FROM_WIREGUARD,
        rules.VXLAN_HOST_GW,
        rules.TO_ALLOC,
        rules.OTHER_TYPE,
        rules.DIRECT_ROUTING,
        rules.STICKY_PORT,
        rules.OLD_WIREGUARD_PORT,
        network_changes._WIDENED,
        network_changes._NARROWED,
        network_changes._FAMILY_OFF,
        network_changes._FAMILY_ON,
        network_changes._FAMILY_ON_EVERYWHERE,
        network_changes._NFTABLES,
        network_changes._SUBNETS_IGNORED,
    ],
    ids=lambda rule: rule.reason[:30],
)
def test_every_other_rule_has_its_row(rule) -> None:
    """Those that hang on the values of a change, too."""
    assert (rule.rating, rule.remedy) in {(each.rating, each.remedy) for each in SEEN}


def test_every_rating_occurs() -> None:
    """S, R, X and B."""
    assert {each.rating for each in SEEN} == set(Rating)


def test_every_check_of_flannel_is_named() -> None:
    """Each check's id stands on the page, and no other."""
    ours = {c.id for c in CHECKS if c.id.startswith(("netconf-", "cniconf-", "flannel-"))}
    named = set(re.findall(r"`((?:netconf|cniconf|flannel)-[a-z-]+)`", render()))

    assert named == ours


def test_answers_follow_the_ratings() -> None:
    """X and B are refused, R is warned of but for DirectRouting, S is admitted."""
    rows = [
        line.split(" | ") for line in render().splitlines() if re.match(r"\| .* \| [SRXB] ", line)
    ]
    for title, rating, answer, *_ in rows:
        refused = answer.startswith("refused")

        assert refused is (rating in "XB" or "DirectRouting, of" in title), title


def test_the_listing_that_is_shown_is_read_as_settings() -> None:
    """Who copies it gets RKE2's ConfigMap guarded, which is not listed by default."""
    shown = decode_settings(LISTING).flannel.config_maps

    assert shown == (ConfigMapRef(namespace="kube-system", name="rke2-canal-config"),)
    assert not set(shown) & set(FLANNEL_CONFIG_MAPS)
    assert LISTING in render()


def test_every_config_map_of_the_default_is_somebodys() -> None:
    """The page says who makes each of them."""
    made = {(namespace, name) for _, namespace, name in INSTALLERS}

    assert {(each.namespace, each.name) for each in FLANNEL_CONFIG_MAPS} <= made


def rated_on_an_api_server() -> set[str]:
    """The reasons of everything that tests/e2e/test_flannel_guard.py tries through kubectl."""
    reasons = set()
    for rows, cidrs in (
        (flannel_rows.ROWS, flannel_rows.POD_CIDRS),
        (flannel_rows.DUAL_ROWS, flannel_rows.DUAL_POD_CIDRS),
        (flannel_rows.OLDER_ROWS, flannel_rows.POD_CIDRS),
    ):
        for row in rows:
            *version, old, new = row.values[:-1]
            context = (
                Context((cidrs,), version=Version.parse(*version)) if version else Context((cidrs,))
            )
            before, after = read(old), read(new)
            if isinstance(before, NetConf) and isinstance(after, NetConf):
                reasons |= {each.reason for each in changes(before, after, context)}
    return reasons


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_every_row_is_tried_on_an_api_server(example) -> None:
    """What the page says of a change is what kubectl is told, with both ConfigMaps."""
    tried = {_without_cidr(reason) for reason in rated_on_an_api_server()}

    assert {_without_cidr(each.reason) for each in change_of(example).rated} <= tried


def _without_cidr(reason: str) -> str:
    return re.sub(r"podCIDR [0-9./]+", "podCIDR", reason)
