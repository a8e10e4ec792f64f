"""What every store promises, and the file's own promises."""

import json
import os
import stat
import threading

import pytest

from certs.state import OWNER_LABEL
from certs.store import AlreadyExistsError, ConflictError, FileStore, MemoryStore


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "ca.json")


def test_load_before_create(store):
    """A store begins empty."""
    assert store.load() is None


def test_create_then_load(store):
    """What was created is read back, marked as ours."""
    store.create({"ca.crt": b"\x00binary"})
    secret = store.load()

    assert {"ca.crt": b"\x00binary"} == secret.data
    assert secret.owned


def test_create_twice(store):
    """The second to create learns that he lost, and changes nothing."""
    store.create({"ca.crt": b"first"})
    with pytest.raises(AlreadyExistsError):
        store.create({"ca.crt": b"second"})

    assert {"ca.crt": b"first"} == store.load().data


def test_replace(store):
    """A replacement is whole, and gives a new version."""
    store.create({"ca.crt": b"1", "next.crt": b"2"})
    before = store.load()
    store.replace({"ca.crt": b"3"}, before.version)
    after = store.load()

    assert {"ca.crt": b"3"} == after.data
    assert before.version != after.version


def test_replace_a_stale_version(store):
    """Whoever read before the last write may not write."""
    store.create({"ca.crt": b"1"})
    stale = store.load().version
    store.replace({"ca.crt": b"2"}, stale)
    with pytest.raises(ConflictError):
        store.replace({"ca.crt": b"3"}, stale)

    assert {"ca.crt": b"2"} == store.load().data


def test_replace_what_is_gone(store):
    """Replacing a Secret that was deleted is a conflict: it must be created anew."""
    with pytest.raises(ConflictError):
        store.replace({}, "1")


def test_one_of_many_creates(store):
    """Of eight threads that create at once exactly one succeeds."""
    lost, barrier = [], threading.Barrier(8)

    def create(number):
        barrier.wait()
        try:
            store.create({"ca.crt": b"%d" % number})
        except AlreadyExistsError:
            lost.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(lost) == 7
    assert int(store.load().data["ca.crt"]) not in lost


def test_no_secret_in_repr(store):
    """A stored Secret does not show its content when printed or logged."""
    store.create({"ca.key": b"hush"})

    assert "hush" not in repr(store.load())
    assert "hush" not in repr(store)


def test_file_is_private(tmp_path):
    """Nobody else may read the file, whatever the umask."""
    store = FileStore(tmp_path / "ca.json")
    before = os.umask(0)
    try:
        store.create({"ca.key": b"1"})
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"ca.json": 0o600, "ca.json.lock": 0o600}


def test_failed_write_leaves_the_old(tmp_path, monkeypatch):
    """A write that fails on its way leaves the old content, and no litter."""
    store = FileStore(tmp_path / "ca.json")
    store.create({"ca.crt": b"old"})
    before = store.load()

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("certs.store.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        store.replace({"ca.crt": b"new"}, before.version)

    assert before == store.load()
    assert {"ca.json", "ca.json.lock"} == {path.name for path in tmp_path.iterdir()}


def test_write_is_synced(tmp_path, monkeypatch):
    """The file is synced before it takes its name, and the directory after."""
    synced, sync = [], os.fsync

    def record(descriptor):
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_directory, (tmp_path / "ca.json").exists()))
        sync(descriptor)

    monkeypatch.setattr("certs.store.os.fsync", record)
    FileStore(tmp_path / "ca.json").create({})

    assert [(False, False), (True, True)] == synced


OURS = {"metadata": {"labels": {OWNER_LABEL: "portcullis"}}, "data": {}}


@pytest.mark.parametrize(
    ("content", "owned"),
    [
        pytest.param(json.dumps(OURS), True, id="ours-emptied"),
        pytest.param("", False, id="empty-file"),
        pytest.param("garbage", False, id="garbage"),
        pytest.param("[]", False, id="other-json"),
        pytest.param("[" * 100_000, False, id="deep-json"),
        pytest.param('{"metadata": {"labels": {}}, "data": {}}', False, id="no-label"),
        pytest.param(json.dumps({**OURS, "data": {"ca.crt": "*"}}), False, id="not-base64"),
        pytest.param(json.dumps({**OURS, "data": [1]}), False, id="data-is-a-list"),
    ],
)
def test_foreign_files(tmp_path, content, owned):
    """A file that is no Secret of ours is told as foreign, never as absent."""
    path = tmp_path / "ca.json"
    path.write_text(content)

    assert owned == FileStore(path).load().owned
