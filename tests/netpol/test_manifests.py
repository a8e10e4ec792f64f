"""Manifests are read as Kubernetes reads them, and errors tell their place."""

import io
import json
import sys

import pytest
import yaml

from webhook.manifest_yaml import MAX_DEPTH, documents
from webhook.manifests import ManifestError, read_manifests, read_world


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((word, True) for word in ("y", "Y", "yes", "on", "On", "true", "TRUE")),
        *((word, False) for word in ("n", "N", "no", "off", "OFF", "False")),
        *((word, None) for word in ("~", "null")),
        ("yEs", "yEs"),
        ("'y'", "y"),
        ("80", 80),
        ("+80", 80),
        ("1_000", 1000),
        ("0x50", 80),
        ("0b11", 3),
        ("0123", 83),
        ("0o17", 15),
        ("089", 89),
        ("00000", 0),
        ("1e3", 1000),
        ("80.0", 80),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("2001-01-01", "2001-01-01"),
        ("1.2.3.4", "1.2.3.4"),
        ("1e999", "1e999"),
        ("-", [None]),
        ("!!str 80", "80"),
        ("!!int '80'", 80),
        ("0" * 5000, 0),
        ("9" * 400, "9" * 400),
    ],
)
def test_scalars(text, expected):
    """Plain scalars resolve as in go-yaml v2, not as in PyYAML."""
    (value,) = documents(text)

    assert (expected, type(expected)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1\n---\n---\nb: 2\n", [{"a": 1}, None, {"b": 2}], id="documents"),
        pytest.param("a: &x {b: 1}\nc: *x\n", [{"a": {"b": 1}, "c": {"b": 1}}], id="alias"),
        pytest.param(
            "a: &x {b: 1, c: 1}\nd: {<<: *x, c: 2}",
            [{"a": {"b": 1, "c": 1}, "d": {"b": 1, "c": 2}}],
            id="merge",
        ),
        pytest.param("80: a\ny: b\n", [{"80": "a", "true": "b"}], id="keys-become-text"),
        pytest.param("[a, {b: [c]}, []]", [["a", {"b": ["c"]}, []]], id="nested"),
        pytest.param("# nothing\n", [], id="comment-only"),
        pytest.param("a:\n", [{"a": None}], id="no-value"),
    ],
)
def test_structures(text, expected):
    """Documents, aliases and merge keys give JSON values."""
    assert expected == list(documents(text))


def test_recorded_manifests_read_as_with_pyyaml():
    """Where neither has a trap, both readers agree."""
    text = yaml.safe_dump({"a": [1, "b", {"c": None, "d": [True, 1.5, "x: y"]}], "e": "0"})

    assert list(yaml.safe_load_all(text)) == list(documents(text))


POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n"


def read(folder, text, name="a.yaml"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_world([str(folder)])


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        pytest.param("a: [", "2:1", "flow", id="syntax"),
        pytest.param("a: 1\nb: 2\na: 3", "3:1", "duplicate key 'a'", id="duplicate-key"),
        pytest.param("a: *b", "1:4", "no complete anchor", id="unknown-alias"),
        pytest.param("a: &a [*a]", "1:8", "no complete anchor", id="alias-in-itself"),
        pytest.param("a: !!python/object:os.system {}", "1:4", "unsupported tag", id="tag"),
        pytest.param("? [a]\n: b", "1:3", "a key must be a scalar", id="complex-key"),
        pytest.param("~: b", "1:1", "a key must be a scalar", id="null-key"),
        pytest.param("[" * (MAX_DEPTH + 1), f"1:{MAX_DEPTH + 1}", "nested deeper", id="deep"),
        pytest.param("a: \x01", "1:4", "control characters", id="control-character"),
        pytest.param(b"a: \xff", "1:4", "not UTF-8", id="encoding"),
        pytest.param("hello", "1:1", "expected a Kubernetes object", id="text"),
        pytest.param("---\n- a\n", "2:1", "expected a Kubernetes object", id="list"),
        pytest.param("a: 1", "1:1", "kind: Required value", id="no-object"),
        pytest.param(POD + "  labels: {app: y}", "5:17", "quote it", id="boolean-label"),
        pytest.param(
            "kind: List\napiVersion: v1\nitems:\n- {kind: Pod, apiVersion: v1, metadata: {}}",
            "4:41",
            "metadata.name: Required",
            id="in-a-list",
        ),
    ],
)
def test_errors_have_places(tmp_path, text, place, expected):
    """What cannot be read is an error at file:line:column."""
    with pytest.raises(ManifestError) as error:
        read(tmp_path, text)

    assert str(error.value).startswith(f"{tmp_path / 'a.yaml'}:{place}: ")
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        pytest.param('{"a": 1,}', "1:9", "", id="syntax"),
        pytest.param('{"a": 1,\n "a": 2}', "2:2", "duplicate key 'a'", id="duplicate-key"),
        pytest.param('{"a":' * 100_000, "1:1", "nested too deeply", id="deep"),
        pytest.param('{"a": NaN}', "1:1", "NaN is no JSON", id="constant"),
        pytest.param('{"a": ' + "9" * 5000 + "}", "1:1", "", id="huge-number"),
    ],
)
def test_json_errors_have_places(tmp_path, text, place, expected):
    """A .json file is JSON and nothing else."""
    with pytest.raises(ManifestError) as error:
        read(tmp_path, text, "a.json")

    assert f"a.json:{place}: {expected}" in str(error.value)


def test_alias_bomb_is_refused(tmp_path):
    """Aliases share what they stand for, and may not stand for too much."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

    with pytest.raises(ManifestError, match=r"a.yaml:7:.*aliases stand for more than"):
        read(tmp_path, "\n".join(lines))


def test_folders_and_lists(tmp_path):
    """Folders are read recursively by suffix; Lists of any depth are their items."""
    pods = [{"metadata": {"name": name}} for name in ("b", "c")]
    nested = {"apiVersion": "v1", "kind": "PodList", "items": pods}
    outer = {"apiVersion": "v1", "kind": "List", "items": [nested]}
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.yml").write_text(POD)
    (tmp_path / "list.json").write_text(json.dumps(outer))
    (tmp_path / "notes.txt").write_text("not read")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    found = list(read_manifests([str(tmp_path)]))

    assert ["a", "b", "c"] == [manifest.value["metadata"]["name"] for manifest in found]
    assert ["Pod"] * 3 == [manifest.value["kind"] for manifest in found]


@pytest.mark.parametrize("text", [POD, json.dumps(yaml.safe_load(POD)), "\ufeff" + POD])
def test_standard_input(monkeypatch, text):
    """Standard input may be YAML or JSON, with a byte order mark or without."""
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert ["default/a"] == [pod.key for pod in read_world(["-"]).pods]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("missing.yaml", "No such file", id="missing"),
        pytest.param("empty", "holds no .yaml", id="folder-without-manifests"),
    ],
)
def test_nothing_to_read(tmp_path, name, expected):
    """A path that gives nothing is an error, not an empty cluster."""
    (tmp_path / "empty").mkdir()

    with pytest.raises(ManifestError, match=expected):
        read_world([str(tmp_path / name)])
