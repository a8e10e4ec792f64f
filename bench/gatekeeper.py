"""Gatekeeper, the peer that is measured beside us: built from its Go module, run on our plane."""

from pathlib import Path

from tests.controlplane.binaries import Program

MODULE = Path(__file__).resolve().parent / "gatekeeper"
PROGRAM = Program(
    "gatekeeper",
    MODULE,
    "github.com/open-policy-agent/gatekeeper/v3",
    "6 minutes",
    ("--version",),
    (3, 0),
)
