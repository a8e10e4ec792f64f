"""The cluster in `examples`: what a newcomer tries the commands on shows something."""

from pathlib import Path

import pytest

from webhook import cli

CLUSTER = Path(__file__).parents[1] / "examples/cluster"


def test_lint_finds_no_mistake_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """What its policies name is there: an example has no loose ends."""
    code = cli.main(["lint", str(CLUSTER)])

    assert code == 0
    assert capsys.readouterr().out == "nothing found in 3 NetworkPolicies\n"


def test_connectivity_shows_what_its_policies_allow(capsys: pytest.CaptureFixture[str]) -> None:
    """The application has two lines: who may enter, and the DNS that it may ask."""
    cli.main(["connectivity", str(CLUSTER)])
    shown = [line for line in capsys.readouterr().out.splitlines() if "dev/web" in line]

    assert shown == [
        "dev/web -> kube-system/coredns IPv4 TCP 53,UDP 53",
        "ingress-nginx/ingress-nginx-controller -> dev/web IPv4 TCP 8080",
    ]


def test_diff_shows_a_changed_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the README has it: the port of one rule becomes another."""
    for each in CLUSTER.iterdir():
        (tmp_path / each.name).write_text(each.read_text().replace("port: 8080", "port: 8443"))
    cli.main(["diff", str(CLUSTER), str(tmp_path)])
    shown = capsys.readouterr().out.splitlines()

    assert shown == [
        "opened: ingress-nginx/ingress-nginx-controller -> dev/web IPv4 TCP 8443",
        "closed: ingress-nginx/ingress-nginx-controller -> dev/web IPv4 TCP 8080",
    ]
