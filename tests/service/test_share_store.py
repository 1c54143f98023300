"""The store of shared sessions: what it keeps, for whom, how long, and through which crashes."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pti_core.errors import UserError
from service.share_places import objects_at
from service.share_store import (
    DAY,
    MAX_NAME,
    MAX_OF_ONE,
    GoneError,
    ShareError,
    Store,
    new_secret,
    store_from,
)

REPOSITORY = Path(__file__).parents[2]


class Clock:
    def __init__(self) -> None:
        self.time = 1e9

    def __call__(self) -> float:
        return self.time


def files(folder: Path) -> list[Path]:
    """What is kept there, without the lock of those who save."""
    return [path for path in folder.iterdir() if path.name != ".lock"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["folder", "fsspec"])
def store(request, tmp_path, clock) -> Store:
    place = str(tmp_path / "kept") if request.param == "folder" else f"memory://{tmp_path}"
    return Store(place, now=clock)


def test_what_is_saved_is_read_again_by_another_process(store, tmp_path, clock):
    record = store.save(b"session", new_secret(), view="photograph", card=b"card")
    assert store.session(record.id) == b"session"
    assert store.card(record.id) == b"card"
    found = store.record(record.id)
    assert (found.view, found.size, found.created) == ("photograph", 7, clock.time)
    assert found.expires == clock.time + 7 * DAY


def test_the_owner_lists_renames_and_deletes(store, clock):
    mine, yours = new_secret(), new_secret()
    first = store.save(b"1", mine, view="face", card=b"x")
    clock.time += 1
    second = store.save(b"2", mine, view="face")
    other = store.save(b"3", yours, view="face")
    assert [record.id for record in store.of(mine)] == [second.id, first.id]
    assert store.rename(first.id, mine, "  Ann\n at  ten\x00 ").name == "Ann at ten"
    assert store.record(first.id).name == "Ann at ten"
    assert len(store.rename(first.id, mine, "x" * 10_000).name) == MAX_NAME
    with pytest.raises(ShareError, match="Only the browser"):
        store.rename(other.id, mine, "stolen")
    with pytest.raises(ShareError, match="Only the browser"):
        store.delete(other.id, mine)
    store.delete(first.id, mine)
    for read in (store.session, store.card, store.record):
        with pytest.raises(GoneError):
            read(first.id)
    assert store.session(other.id) == b"3"
    before = store.nbytes()
    store.delete(second.id, mine)
    assert store.nbytes() < before and store.of(mine) == []


def test_delete_and_expiry_leave_no_file(tmp_path, clock):
    store, secret = Store(tmp_path, now=clock), new_secret()
    store.delete(store.save(b"1", secret, view="face", card=b"x").id, secret)
    assert files(tmp_path) == []
    kept = store.save(b"2", secret, view="face", card=b"x")
    clock.time += 7 * DAY - 1
    assert store.session(kept.id) == b"2" and store.has(kept.id)
    clock.time += 1
    assert not store.has(kept.id) and not store.has("../x")
    with pytest.raises(GoneError, match="expired"):
        store.session(kept.id)
    assert store.of(secret) == []
    assert store.sweep() == 1
    assert files(tmp_path) == []


def test_the_secret_is_not_kept(tmp_path):
    secret = new_secret()
    Store(tmp_path).save(b"1", secret, view="face")
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.iterdir())


def test_nobody_else_may_look_into_the_folder(tmp_path):
    """Who lists it has the links, and the sessions hold photographs."""
    Store(tmp_path / "of shares" / "saved").save(b"1", new_secret(), view="face")
    objects_at(str(tmp_path / "of shares" / "written")).write("name", b"1")
    for name in ("saved", "written"):
        assert stat.S_IMODE((tmp_path / "of shares" / name).stat().st_mode) == 0o700


HOSTILE = [
    "",
    "x",
    "../" * 14 + "x",
    "../../../../../../../../etc/passwd",
    "/etc/passwd",
    "a" * 42,
    "a" * 44,
    "a" * 43 + "\n",
    "a" * 42 + "/",
    "a" * 42 + "\\",
    "a" * 42 + ".",
    "a" * 42 + "\x00",
    "é" * 43,
    "١" * 43,
    "a" * 1_000_000,
    None,
    7,
    ["a" * 43],
    {"id": "a" * 43},
    b"a" * 43,
]


@pytest.mark.parametrize("identifier", HOSTILE, ids=lambda value: repr(value)[:20])
def test_hostile_identifiers_open_nothing(store, identifier):
    secret = new_secret()
    store.save(b"1", secret, view="face")
    for call in (store.record, store.session, store.card):
        with pytest.raises(GoneError):
            call(identifier)
    with pytest.raises(GoneError):
        store.delete(identifier, secret)
    assert store.of(identifier) == []
    with pytest.raises(ShareError):
        store.save(b"2", identifier, view="face")
    assert len(store.of(secret)) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"id": 1}', "[" * 100_000, '{"id": "x", "more": 1}', "\xff"]
)
def test_a_spoilt_record_hides_its_share_and_no_other(tmp_path, text):
    store, secret = Store(tmp_path), new_secret()
    spoilt, sound = (store.save(b"1", secret, view="face") for _ in range(2))
    (tmp_path / f"{spoilt.id}.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(GoneError):
        store.session(spoilt.id)
    assert [record.id for record in store.of(secret)] == [sound.id]


def test_a_record_moved_to_another_identifier_is_refused(tmp_path):
    store, secret = Store(tmp_path), new_secret()
    one, other = (store.save(b"1", secret, view="face") for _ in range(2))
    (tmp_path / f"{one.id}.json").write_bytes((tmp_path / f"{other.id}.json").read_bytes())
    with pytest.raises(GoneError):
        store.record(one.id)


def test_the_store_is_bounded(tmp_path):
    store, secret = Store(tmp_path, max_mb=1), new_secret()
    store.save(bytes(900_000), secret, view="face")
    with pytest.raises(ShareError, match="no room"):
        store.save(bytes(200_000), secret, view="face")
    for _ in range(MAX_OF_ONE - 1):
        store.save(b"1", secret, view="face")
    with pytest.raises(ShareError, match="already"):
        store.save(b"1", secret, view="face")
    store.save(b"1", new_secret(), view="face")


def test_what_a_crash_left_is_swept_later(tmp_path):
    store, secret = Store(tmp_path, now=lambda: time.time() + ahead), new_secret()
    ahead = 0
    kept = store.save(b"1", secret, view="face")
    for name in (f"{new_secret()}.safetensors", f"{new_secret()}.jpg", ".pti-abc"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "notes.txt").write_bytes(b"somebody's")
    store.sweep()
    assert len(files(tmp_path)) == 6
    ahead = 2 * 3600
    store.sweep()
    names = {path.name for path in files(tmp_path)}
    assert names == {f"{kept.id}.json", f"{kept.id}.safetensors", "notes.txt"}


def test_settings(tmp_path):
    store = store_from({"PTI_SESSIONS": str(tmp_path / "here"), "PTI_SESSIONS_DAYS": "0.5"})
    record = store.save(b"1", new_secret(), view="face")
    assert record.expires - record.created == DAY / 2
    assert (tmp_path / "here" / f"{record.id}.json").is_file()
    for wrong in (
        {"PTI_SESSIONS_DAYS": "week"},
        {"PTI_SESSIONS_MB": "nan"},
        {"PTI_SESSIONS_DAYS": "-1"},
        {"PTI_SESSIONS": "nosuchstore://x"},
    ):
        with pytest.raises(UserError):
            store_from(wrong)


def test_a_place_out_of_reach_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    store = Store(tmp_path / "file")
    with pytest.raises(ShareError, match="cannot be reached"):
        store.save(b"1", new_secret(), view="face")


# Each child saves without end and says on a pipe what was acknowledged; the parent kills it with
# SIGKILL at a random moment. A fork takes a millisecond, so most kills hit the middle of a save.
KILLED = """
import os, random, signal, sys, time
from service.share_store import Store
folder, seed, children = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
secret, chance = "s" * 43, random.Random(seed)
for child in range(children):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        store = Store(folder)
        while True:
            data = os.urandom(1) * chance.randrange(1, 300_000)
            record = store.save(data, ("%03d" % child) + secret[3:], view="face", card=data[:99])
            os.write(writing, f"{record.id} {data[0]} {len(data)}\\n".encode())
    os.close(writing)
    time.sleep(chance.uniform(0.001, 0.06))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    sys.stdout.write(os.fdopen(reading).read())
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_a_killed_process_loses_no_acknowledged_session(tmp_path):
    seed = random.randrange(2**32)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(seed), "100"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    acknowledged = [line.split() for line in done.stdout.splitlines()]
    assert len(acknowledged) >= 20, f"seed {seed}"
    store = Store(tmp_path)
    for identifier, value, length in acknowledged:
        assert store.session(identifier) == bytes([int(value)]) * int(length), f"seed {seed}"
    records = list(tmp_path.glob("*.json"))
    for path in records:  # whatever is listed is whole, acknowledged or not
        record = store.record(path.stem)
        assert len(store.session(record.id)) == record.size, f"seed {seed}"
        assert store.card(record.id)
    assert len(acknowledged) <= len(records) <= len(acknowledged) + 100


def test_a_record_that_cannot_be_read_keeps_no_photograph(tmp_path):
    now = time.time()
    store = Store(tmp_path, now=lambda: now)
    broken = [store.save(b"face", new_secret(), view="face", card=b"c").id for _ in range(4)]
    for name, data in zip(broken, (b"", b"{", b"[]", b'{"id": 5}'), strict=True):
        (tmp_path / f"{name}.json").write_bytes(data)
    whole = store.save(b"face", new_secret(), view="face")
    folder = tmp_path / f"{new_secret()}.json"
    folder.mkdir()  # is no object, and cannot be deleted as one
    store.sweep()
    assert (tmp_path / f"{broken[0]}.safetensors").exists()  # it may be on its way
    now += 3700
    for name in broken:
        for ending in (".json", ".jpg", ".safetensors"):
            os.utime(tmp_path / f"{name}{ending}", (now - 3650, now - 3650))
    os.utime(folder, (now - 3650, now - 3650))
    store.sweep()
    assert not [path for path in tmp_path.iterdir() if path.name[:43] in broken]
    assert store.session(whole.id) == b"face"


def test_no_sentence_names_the_servers_folders(tmp_path, monkeypatch):
    place = tmp_path / "a file"
    place.write_text("")
    with pytest.raises(ShareError) as caught:
        Store(place / "in it").save(b"1", new_secret(), view="face")
    assert str(tmp_path) not in str(caught.value)
    store = Store(tmp_path)
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(ShareError) as caught:
        store.save(b"1", new_secret(), view="face")
    assert str(tmp_path) not in str(caught.value)
    monkeypatch.setattr(os, "replace", real)
    assert store.save(b"1", new_secret(), view="face")


def test_records_are_read_once(tmp_path):
    store, secret = Store(tmp_path), new_secret()
    for number in range(20):
        store.save(b"1", secret, view="face", name=f"{number}")
    reads = []
    real = store._objects.read
    store._objects.read = lambda name: reads.append(name) or real(name)
    assert len(store.of(secret)) == len(store.of(secret)) == 20
    assert len(reads) <= 1
    other = Store(tmp_path)  # another process changes and adds some
    other.rename(other.of(secret)[0].id, secret, "named anew")
    other.save(b"2", secret, view="face")
    names = [record.name for record in store.of(secret)]
    assert len(names) == 21 and "named anew" in names


def test_many_savers_at_once_keep_no_more_than_is_allowed(tmp_path):
    secret, kept, refused = new_secret(), [], []
    stores = [Store(tmp_path) for _ in range(2)]  # as two processes have

    def save(number: int) -> None:
        for turn in range(5):
            try:
                kept.append(stores[number % 2].save(b"1", secret, view="face", name=f"{turn}"))
            except ShareError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(kept) == MAX_OF_ONE == len(stores[0].of(secret))
    assert len(refused) == 80 - MAX_OF_ONE and set(refused) == {refused[0]}


def test_the_disk_keeps_some_room(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    with pytest.raises(ShareError, match="no room"):
        Store(tmp_path).save(b"1", new_secret(), view="face")


def test_an_address_may_keep_a_part_of_the_store(tmp_path):
    """Secrets cost nothing: the bound of an owner alone bounds nobody."""
    store = Store(tmp_path, max_mb=1)
    data = bytes(60_000)
    for _ in range(4):
        store.save(data, new_secret(), view="face", address="8.8.8.8")
    with pytest.raises(ShareError, match="Your network shares as much"):
        store.save(data, new_secret(), view="face", address="8.8.8.8")
    others = store.save(data, new_secret(), view="face", address="8.8.4.4")
    store.save(data, new_secret(), view="face")  # where addresses tell nothing
    secret = new_secret()
    small = store.save(b"1", secret, view="face", address="8.8.8.8")
    store.delete(small.id, secret)
    assert store.session(others.id) == data
    text = b"".join(path.read_bytes() for path in tmp_path.glob("*.json"))
    assert b"8.8.8.8" not in text  # addresses are not written down


def test_an_address_may_keep_so_many_shares(tmp_path, monkeypatch):
    monkeypatch.setattr("service.share_store.MAX_OF_ADDRESS", 3)
    store, secret = Store(tmp_path), new_secret()
    for _ in range(3):
        kept = store.save(b"1", secret, view="face", address="8.8.8.8")
    with pytest.raises(ShareError, match="Your network"):
        store.save(b"1", new_secret(), view="face", address="8.8.8.8")
    store.delete(kept.id, secret)  # makes room
    store.save(b"1", new_secret(), view="face", address="8.8.8.8")
