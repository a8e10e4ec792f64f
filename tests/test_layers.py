"""The import rules: who may know whom, read from the source and nothing else."""

import ast
import fnmatch
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("webhook", "certs")
    for path in sorted((ROOT / folder).rglob("*.py"))
}

EXCLUSIVE = {
    "kubernetes": ["webhook.cluster*"],
    "urllib3": ["webhook.cluster*"],
    "flask": ["webhook.server*", "webhook.bootstrap"],
    "werkzeug": ["webhook.server*"],
    "gunicorn": ["webhook.server*"],
    "httptools": ["webhook.server.http1"],
    "cryptography": ["certs*"],
    "jsonpatch": ["webhook.defaulting"],
    "opentelemetry": ["webhook.tracing", "webhook.bootstrap_tracing"],
    "yaml": ["webhook.manifest*", "webhook.cli*"],
    "prometheus_client": [
        "webhook.metrics",
        "webhook.exposition",
        "webhook.controller*",
        "webhook.bootstrap*",
    ],
}
"""Each library, and the only modules that may import it."""

PURE = [
    "webhook.model*",
    "webhook.checks*",
    "webhook.netconf*",
    "webhook.netpol*",
    "webhook.protection*",
    "webhook.calico*",
    "webhook.enforcement*",
    "webhook.lint*",
    "webhook.adoption*",
    "webhook.defaulting",
    "webhook.metric_table",
    "webhook.controller.plan",
    "webhook.controller.election",
    "webhook.admission.answer",
    "webhook.admission.flannel_nodes",
    "webhook.admission.netconf_advice",
    "certs.renewal",
    "certs.state",
    "certs.bundle",
    "certs.reason",
]
"""Modules that decide: everything they need is an argument."""

IMPURE = {
    "os",
    "io",
    "pathlib",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "random",
    "secrets",
    "logging",
    "urllib",
    "http",
    "tempfile",
    "shutil",
    "sys",
}
IMPURE_CALLS = {"open", "input", "print", "now", "utcnow", "today", "urandom"}

LAYERS = {
    "webhook.model*": ["webhook.model*", "webhook.errors"],
    "webhook.netconf*": ["webhook.netconf*"],
    "webhook.netpol*": ["webhook.netpol*", "webhook.errors"],
    "webhook.protection*": ["webhook.protection*", "webhook.netpol*"],
    "webhook.calico*": ["webhook.calico*", "webhook.netconf"],
    "webhook.enforcement*": ["webhook.enforcement*", "webhook.model*"],
    "webhook.adoption*": ["webhook.model*", "webhook.netpol*"],
    "webhook.lint.checks.*": [
        "webhook.lint.[!cr]*",
        "webhook.lint.cluster",
        "webhook.lint.coverage",
        "webhook.lint.registry",
        "webhook.enforcement",
        "webhook.netpol*",
    ],
    "webhook.lint*": [
        "webhook",
        "webhook.lint*",
        "webhook.enforcement*",
        "webhook.model*",
        "webhook.netpol*",
    ],
    "webhook.checks.calico_subjects": ["webhook.calico", "webhook.netconf"],
    "webhook.checks.registry": [],
    "webhook.checks.ratings": [
        "webhook.checks.registry",
        "webhook.checks.subjects",
        "webhook.netconf",
    ],
    # `changes` and `lease` are functions of the package as well as its modules.
    "webhook.checks.subjects": [
        "webhook.model*",
        "webhook.netpol.model",
        "webhook.netconf",
        "webhook.netconf.changes",
        "webhook.netconf.lease",
    ],
    "webhook.checks.*": [
        "webhook.checks.ratings",
        "webhook.checks.calico_subjects",
        "webhook.checks.registry",
        "webhook.checks.subjects",
        "webhook.calico",
        "webhook.protection",
        "webhook.netpol.model",
        "webhook.model*",
        "webhook.netconf",
    ],
    "webhook.rationed": [],
    "webhook.engine_input": [
        "webhook.model*",
        "webhook.netpol*",
        "webhook.errors",
        "webhook.rationed",
    ],
    "webhook.admission*": [
        "webhook.admission*",
        "webhook.calico",
        "webhook.enforcement*",
        "webhook.lint*",
        "webhook.netpol*",
        "webhook.protection*",
        "webhook.checks*",
        "webhook.model*",
        "webhook.netconf",
        "webhook.controller.plan",
        "webhook.defaulting",
        "webhook.engine_input",
        "webhook.interfaces",
        "webhook.deadline",
        "webhook.errors",
        "webhook.metrics",
        "webhook.metric_table",
        "webhook.rationed",
        "webhook.waiting",
    ],
    "webhook.server*": [
        "webhook.server*",
        "webhook.model*",
        "webhook.deadline",
        "webhook.errors",
        "webhook.rationed",
        "webhook.settings*",
        "webhook.waiting",
    ],
    "webhook.cluster*": [
        "webhook.cluster*",
        "webhook.lint.policyreport",
        "webhook.model*",
        "webhook.interfaces",
        "webhook.stop",
        "webhook.backoff",
        "webhook.controller.election",
        "webhook.deadline",
        "webhook.errors",
        "webhook.settings",
        "webhook.waiting",
        "certs*",
    ],
    "certs*": ["certs*"],
}
"""First fitting row decides which of our own modules a module may import."""


def imports(module: str) -> Iterator[str]:
    """Names of the modules that a module imports, local imports included."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            assert node.module
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in names)


def fits(module: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(module, pattern) for pattern in patterns)


@pytest.mark.parametrize("module", MODULES)
def test_libraries_have_one_home(module: str) -> None:
    """Each library that talks to the world is imported in one place."""
    for name in imports(module):
        homes = EXCLUSIVE.get(name.partition(".")[0])

        assert homes is None or fits(module, homes), f"{module} imports {name}"


@pytest.mark.parametrize("module", [module for module in MODULES if fits(module, PURE)])
def test_decisions_are_pure(module: str) -> None:
    """No clock, file, environment, network or randomness in what decides."""
    used = {name.partition(".")[0] for name in imports(module)} & IMPURE
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    calls = {
        getattr(node.func, "attr", getattr(node.func, "id", ""))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    } & IMPURE_CALLS

    assert used == set()
    assert calls == set()


@pytest.mark.parametrize("module", MODULES)
def test_layers(module: str) -> None:
    """A module imports from the layers below it only, and no check another check."""
    row = next((LAYERS[pattern] for pattern in LAYERS if fits(module, [pattern])), None)
    if row is None or module == "webhook.checks":
        return
    ours = {name for name in imports(module) if name.partition(".")[0] in {"webhook", "certs"}}

    assert {name for name in ours if not fits(name, row)} == set()


@pytest.mark.parametrize("path", MODULES.values(), ids=MODULES)
def test_budgets(path: Path) -> None:
    """Files stay under 400 lines, functions at 80 or under."""
    text = path.read_text(encoding="utf-8")
    lengths = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }

    assert text.count("\n") < 400
    assert {name: length for name, length in lengths.items() if length > 80} == {}


def test_basenames_of_tests_differ():
    """Pytest imports test files of folders that are no packages by their basename alone."""
    loose = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if not (path.parent / "__init__.py").exists()
    ]
    names = Counter(path.name for path in loose)

    assert [] == [str(path) for path in loose if names[path.name] > 1]
