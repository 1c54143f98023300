"""Shares through the running app: links, cards, owners, reloads, and hostile requests."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from benchmarks.many_people import PATIENCE, crowd, cut, one_round
from pti_core.ai_mark import DIGITAL_SOURCE_TYPE, with_visible_mark
from pti_core.editing.controls import controls_of
from service.job_queue import JobQueue
from service.share_card import SIZE, draw_card
from service.share_store import Store, new_secret
from service.studio import Studio
from tests.helpers.small import ENDLESS, SHORT, small_tuning_models
from tests.web.test_app import edited, refusal
from web.serve import create_app, serve


class Clock:
    time = 1e9

    def __call__(self) -> float:
        return self.time


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def store(tmp_path_factory, clock) -> Store:
    return Store(tmp_path_factory.mktemp("shares"), now=clock)


@pytest.fixture(scope="module")
def studio(generator, lpips, directions) -> Studio:
    models = small_tuning_models(generator, lpips, directions)
    line = JobQueue(places_of_an_address=2)
    return Studio(lambda report: models, {"short": SHORT, "endless": ENDLESS}, line=line)


@pytest.fixture(scope="module")
def url(studio, store, directions) -> Iterator[str]:
    blocks = create_app(studio, controls_of(directions.values()), store=store)
    yield serve(blocks, store, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def client(url) -> Client:
    return Client(url, verbose=False, httpx_kwargs={"timeout": PATIENCE})


@pytest.fixture(scope="module")
def photograph(make_picture, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("photographs") / "photograph.jpg"
    exif = Image.Exif()
    exif[0x010F] = "Camera of somebody"
    exif.get_ifd(0x8825)[2] = (47.0, 22.0, 11.0)  # GPS
    make_picture(120, 100).save(path, exif=exif)
    return path


@pytest.fixture(scope="module")
def desk(client, photograph) -> str:
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    client.predict(desk, "short", api_name="/personalise")
    return desk


def share(client: Client, desk: str, edits=None, view="face", secret="", name="") -> dict:
    return client.predict(desk, edits or {}, view, secret, name, api_name="/share")


def fetch(url: str, headers: dict[str, str] | None = None) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


# ------------------------------------------------------------------------------------ links


@pytest.mark.slow
def test_another_person_opens_the_same_picture_and_edits_a_copy(url, client, desk):
    edits = {"age": 12.0, "smile": -0.5}
    made = share(client, desk, edits, "photograph")
    other = Client(url, verbose=False)
    copy, answer = other.predict(made["share"], api_name="/open_share")
    assert copy != desk
    assert (answer["edits"], answer["view"]) == (edits, "photograph")
    assert (edited(other, copy, edits) == edited(client, desk, edits)).all()
    # A copy has the session's photograph, a JPEG; the owner's is cut from the file itself.
    own, theirs = (edited(c, d, edits, "photograph") for c, d in ((client, desk), (other, copy)))
    assert own.shape == theirs.shape and np.abs(own - theirs).mean() < 2
    reduced = [
        Path(c.predict(d, edits, "photograph", 4096, api_name="/edit")).read_bytes()
        for c, d in ((client, desk), (other, copy))
    ]
    assert reduced[0] == reduced[1]
    assert np.abs(edited(other, copy, {"age": -20}) - edited(other, copy, edits)).max() > 5
    other.predict(copy, api_name="/forget")
    again, answer = other.predict(made["share"], api_name="/open_share")
    assert answer["edits"] == edits and again != copy


def test_after_expiry_and_deletion_the_link_says_so(client, desk, clock):
    made = share(client, desk)
    assert client.predict(made["share"], made["secret"], api_name="/delete_share")["deleted"]
    told = refusal(client, made["share"], api_name="/open_share")
    assert "deleted" in told and "ask for a new one" in told
    made = share(client, desk)
    clock.time = made["expires"] + 1
    assert "expired" in refusal(client, made["share"], api_name="/open_share")


@pytest.mark.slow
def test_the_owner_sees_what_is_kept_and_others_do_not(client, desk, store):
    made = share(client, desk, name="Ann")
    secret, other = made["secret"], new_secret()
    assert [one["name"] for one in client.predict(secret, api_name="/shares")] == ["Ann"]
    assert client.predict(other, api_name="/shares") == []
    assert "Only the browser" in refusal(
        client, made["share"], other, "Mine", api_name="/rename_share"
    )
    assert "Only the browser" in refusal(client, made["share"], other, api_name="/delete_share")
    client.predict(made["share"], secret, "Bea", api_name="/rename_share")
    (kept,) = client.predict(secret, api_name="/shares")
    assert kept["name"] == "Bea" and kept["created"] < kept["expires"]
    assert "owner" not in kept
    second = share(client, desk, secret=secret)
    assert second["secret"] == secret and len(client.predict(secret, api_name="/shares")) == 2


# ------------------------------------------------------------------------------------- cards


def test_a_chat_sees_the_card_and_nothing_else(url, client, desk):
    made = share(client, desk, {"age": 10}, name="Private name")
    status, page, _ = fetch(f"{url}?s={made['share']}", {"X-Forwarded-Proto": "https"})
    text = page.decode()
    image = text.split('property="og:image" content="')[1].split('"')[0]
    assert status == 200 and image.startswith("https://127.0.0.1")
    assert text.count('property="og:image"') == text.count('property="og:title"') == 1
    for hidden in ("Private name", made["secret"], desk):
        assert hidden not in text
    status, data, headers = fetch(f"{url}card/{made['share']}.jpg")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(data)) as card:
        assert card.size == SIZE
        assert not card.getexif()
    assert DIGITAL_SOURCE_TYPE.encode() in data and b"Camera of somebody" not in data
    client.predict(made["share"], made["secret"], api_name="/delete_share")
    assert fetch(f"{url}card/{made['share']}.jpg")[0] == 404
    assert made["share"] not in _metas(fetch(f"{url}?s={made['share']}")[1])


def test_search_engines_are_asked_to_list_no_share_and_no_card(url, client, desk):
    made = share(client, desk)
    _, page, _ = fetch(f"{url}?s={made['share']}")
    head = page.decode().partition("</head>")[0]
    assert '<meta name="robots" content="noindex">' in head
    _, _, headers = fetch(f"{url}card/{made['share']}.jpg")
    assert headers["x-robots-tag"] == "noindex"


def _metas(page: bytes) -> str:
    return "".join(part.split(">")[0] for part in page.decode().split("<meta")[1:])


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": '"><script>alert(1)</script>'},
        {"X-Forwarded-Host": '"><script>alert(1)</script>'},
        {"X-Forwarded-Proto": "javascript"},
        {"X-Forwarded-Host": "a" * 5000},
    ],
)
def test_headers_do_not_reach_the_page(url, client, desk, headers):
    made = share(client, desk)
    status, page, _ = fetch(f"{url}?s={made['share']}", headers)
    assert status in (200, 400)
    assert "<script>alert" not in page.decode() and "a" * 300 not in _metas(page)
    assert 'content="javascript' not in page.decode()


@pytest.mark.parametrize(
    "end",
    [
        "?s=",
        "?s=x",
        "?s=..%2F..%2F..%2Fetc%2Fpasswd",
        "?s=" + "a" * 43,
        "?s=" + "a" * 6000,
        "?s=%00%ff%0a",
        "?s=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "?s=" + "&s=".join("a" * 30),
        "?s[]=1&s[x]=2",
        "card/" + "a" * 43 + ".jpg",
        "card/..%2F..%2Fetc%2Fpasswd.jpg",
        "card/%2e%2e/%2e%2e/etc/passwd",
        "card/.jpg",
        "card/" + "a" * 43 + ".json",
        "card/" + "a" * 43 + "%0a.jpg",
    ],
)
def test_hostile_addresses_never_fail(url, end):
    status, body, _ = fetch(url + end)
    assert status in (200, 400, 404)
    assert b"root:" not in body and b"<script>alert" not in body and b"Traceback" not in body


HOSTILE = ["", "x", "../../etc/passwd", "a" * 43, "a" * 100_000, "\x00", None, 7, ["a"], {"a": 1}]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_hostile_identifiers_are_answered_in_a_sentence(client, desk, value):
    secret = new_secret()
    for api_name, arguments in (
        ("/open_share", (value,)),
        ("/rename_share", (value, secret, "n")),
        ("/delete_share", (value, secret)),
        ("/share", (value, {}, "face", secret, "")),
        ("/share", (desk, {"age": value}, "face", secret, "")),
        ("/personalise", (value, "short", 0, "auto", value)),
    ):
        if api_name == "/share" and arguments[0] == desk and value == 7:
            continue  # an amount like any other
        assert refusal(client, *arguments, api_name=api_name)
    if value is None or isinstance(value, str):
        assert client.predict(value, api_name="/shares") == []
    else:
        assert "secret is not text" in refusal(client, value, api_name="/shares")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"data": null}', b'{"data": [[[[]]]]}', b"[" * 50_000, b"\xff" * 999],
    ids=lambda body: repr(body)[:16],
)
def test_hostile_requests_never_give_a_500(url, body):
    for name in ("open_share", "share", "shares", "delete_share", "personalise", "edit"):
        request = urllib.request.Request(
            f"{url}gradio_api/call/{name}", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        assert status < 500, (name, text)
        assert b"Traceback" not in text


@pytest.mark.slow
def test_a_share_spoilt_in_the_store_is_a_sentence(client, desk, store, tmp_path, photograph):
    good = Path(client.predict(desk, {}, api_name="/save_session")).read_bytes()
    spoilt = {
        "truncated": good[: len(good) // 2],
        "oversized header": (2**40).to_bytes(8, "little") + good[8:],
        "another generator": good.replace(b"0" * 64, b"f" * 64),
        "zip bomb": _zip_bomb(),
        "NaNs": _changed(good, lambda header, body: body.__setitem__(_of(header), b"\xff" * 2048)),
        "wrong shape": _changed(good, lambda header, _: header["pivots"].update(shape=[512, 1])),
        "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        "nothing": b"",
        "photograph": photograph.read_bytes(),
    }
    for what, data in spoilt.items():
        record = store.save(data, new_secret(), view="face")
        assert refusal(client, record.id, api_name="/open_share"), what
    record = store.save(good, new_secret(), view="../../x")
    _, answer = client.predict(record.id, api_name="/open_share")
    assert answer["view"] == "face"


def _zip_bomb() -> bytes:
    """64 MB of nothing, in 64 kB."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("session.safetensors", bytes(64 * 2**20))
    return stream.getvalue()


def _changed(good: bytes, change) -> bytes:
    """A session file whose header and tensors `change` has been at."""
    length = int.from_bytes(good[:8], "little")
    header, body = json.loads(good[8 : 8 + length]), bytearray(good[8 + length :])
    change(header, body)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(body)


def _of(header: dict) -> slice:
    return slice(*header["pivots"]["data_offsets"])


# ------------------------------------------------------------------------------------- privacy


def test_nothing_is_kept_until_it_is_shared(generator, lpips, directions, tmp_path, photograph):
    models = small_tuning_models(generator, lpips, directions)
    studio, store = Studio(lambda report: models, {"short": SHORT}), Store(tmp_path / "kept")
    desk = studio.align(photograph)
    assert studio.personalise(desk.id, "short").wait(60)
    studio.session_file(desk.id, {})
    assert not (tmp_path / "kept").exists()
    record = studio.share(store, new_secret(), desk.id, {})
    files = [path for path in (tmp_path / "kept").iterdir() if path.name != ".lock"]
    assert {path.stem for path in files} == {record.id} and len(files) == 3
    for path in files:
        assert b"Camera of somebody" not in path.read_bytes()
        assert b"Exif\x00\x00" not in path.read_bytes()


@pytest.mark.slow
def test_cards_of_any_pictures(make_picture):
    for before, after in (((64, 64), (64, 64)), ((4000, 300), (300, 4000)), ((1, 2000), (2, 2))):
        data = draw_card(make_picture(*before), make_picture(*after), "Age +10 years, " * 40)
        with Image.open(io.BytesIO(data)) as card:
            card.load()
            assert card.size == SIZE


def test_the_visible_mark_is_seen(make_picture):
    for side in (32, 64, 1024):
        picture = make_picture(side, side)
        marked = with_visible_mark(picture)
        difference = np.abs(np.asarray(marked).astype(int) - np.asarray(picture)).sum(axis=2)
        assert difference[side // 2 :].max() > 100 and difference[: side // 2].max() == 0


# ----------------------------------------------------------------------------- reloaded pages


def test_a_job_survives_a_reload_but_not_a_departure():
    line, told = JobQueue(), threading.Event()

    def work(on_step):
        from pti_core.progress import Step

        while on_step(Step("tune", 1, 2)):
            told.wait(0.01)

    job = line.submit(work, [], "a")
    job.watch()
    job.unwatch(patience=0.5)
    job.watch()  # the page is back
    assert not job.wait(1.0)
    job.unwatch(patience=0.2)
    assert job.wait(5)


def test_a_workspace_stays_while_a_page_shows_it(studio, photograph):
    desk = studio.align(photograph)
    assert studio.workspaces.visit(desk.id)  # reloaded
    studio.leave(desk.id)  # the page before is closed at last
    assert studio.workspaces.get(desk.id) is desk
    studio.leave(desk.id)
    assert desk.id not in set(studio.workspaces)
    assert not studio.workspaces.visit(desk.id)
    studio.leave(desk.id)
    studio.leave(None)


def test_every_public_endpoint_is_documented(url):
    _, body, _ = fetch(f"{url}gradio_api/info")
    named = json.loads(body)["named_endpoints"]
    public = {name for name, one in named.items() if one.get("api_visibility") == "public"}
    assert {"/share", "/open_share", "/shares", "/rename_share", "/delete_share"} <= public
    for name in public:
        assert named[name].get("description"), name


def test_api_errors_are_the_clients(client):
    with pytest.raises(AppError):
        client.predict("x" * 43, "short", api_name="/delete_share")


# ------------------------------------------------------------------------ a place a person


@pytest.fixture
def busy(url, studio, desk) -> Iterator[str]:
    """The secret of somebody whose personalisation runs."""
    secret, somebody = new_secret(), Client(url, verbose=False)
    somebody.submit(desk, "endless", 0, "auto", secret, api_name="/personalise")
    until(lambda: studio.line.job_of(desk) is not None)
    yield secret
    studio.stop(desk)
    until(lambda: studio.line.job_of(desk) is None)


def until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@pytest.mark.slow
def test_several_workspaces_of_one_person_have_one_place(url, client, studio, photograph, busy):
    other = Client(url, verbose=False)
    second, _ = other.predict(handle_file(photograph), api_name="/align")
    arguments = (second, "short", 0, "auto")
    told = refusal(other, *arguments, busy, api_name="/personalise")
    assert "Another face of yours" in told
    waiting = other.submit(*arguments, new_secret(), api_name="/personalise")  # somebody else
    until(lambda: bool(waiting.outputs()))
    assert waiting.outputs()[0]["ahead"] == 1
    # Without a secret, it is the program that has a place.
    third, _ = client.predict(handle_file(photograph), api_name="/align")
    nameless = client.submit(third, "short", api_name="/personalise")
    until(lambda: bool(nameless.outputs()))
    assert nameless.outputs()[0]["ahead"] == 2
    fourth, _ = client.predict(handle_file(photograph), api_name="/align")
    assert "yours" in refusal(client, fourth, "short", api_name="/personalise")
    for job, left in ((nameless, third), (waiting, second)):
        job.cancel()
        until(lambda left=left: studio.line.job_of(left) is None)  # who leaves has no place


@pytest.mark.slow
def test_an_address_has_a_few_places(url, studio, photograph, busy):
    workspaces, jobs, clients = [], [], []
    for number in range(3):
        behind = Client(url, headers={"X-Forwarded-For": "8.8.4.4"}, verbose=False)
        clients.append(behind)  # one that is let go has left
        workspaces.append(behind.predict(handle_file(photograph), api_name="/align")[0])
        arguments = (workspaces[-1], "short", 0, "auto", new_secret())
        if number == 2:
            assert [studio.line.job_of(desk) is not None for desk in workspaces] == [
                True,
                True,
                False,
            ]
            third = behind.submit(*arguments, api_name="/personalise")
            with pytest.raises(AppError, match="2 faces from your network"):
                third.result(timeout=60)
        else:
            jobs.append(behind.submit(*arguments, api_name="/personalise"))
            until(lambda: studio.line.job_of(workspaces[-1]) is not None)
    for desk in workspaces:
        studio.forget(desk)


# ----------------------------------------------------------------------------- many at once


def resident_mb() -> float:
    """Memory of this process, the app's and the clients'."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory as Linux tells it")
def test_twenty_people_at_once(url, studio, store, client, make_picture, tmp_path):
    """PTI_CROWD_SECONDS=300 for the long one."""
    people = cut(make_picture(160, 150), tmp_path, 20)
    one_round(client, people[0], "short")
    before, kept = resident_mb(), studio.workspaces.nbytes()
    tally = crowd(url, people, "short", float(os.environ.get("PTI_CROWD_SECONDS", "5")))
    print(f"{tally.rounds} rounds, {before:.0f} MB before and {resident_mb():.0f} MB after")
    assert tally.errors == []
    assert tally.rounds >= 20
    assert tally.waited >= 15  # all but those who found the line empty
    assert studio.workspaces.nbytes() <= kept + 2**20
    assert resident_mb() < before + 400
    assert len(studio.line) == 0
