"""The web app through Gradio's own client, over a small generator: no page, no large weights."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from pti_core.editing.controls import Control, controls_of, read_controls
from pti_core.editing.directions import load_directions
from pti_core.errors import PhotographError
from pti_core.progress import Step
from pti_core.session.session import Session
from service.job_queue import JobQueue, QueueFullError, Stage
from service.studio import PRESET_NAMES, Studio
from service.workspaces import NoWorkspaceError, Workspace, Workspaces
from tests.helpers.small import ENDLESS, SHORT, small_tuning_models
from web.labels import bounds_of
from web.serve import create_app, serve

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def studio(generator, lpips, directions) -> Studio:
    models = small_tuning_models(generator, lpips, directions)
    made = Studio(lambda report: models, {"short": SHORT, "endless": ENDLESS})
    made.networks.get()  # the page answers before; what it says then is another test's
    return made


@pytest.fixture(scope="module")
def url(studio, directions) -> Iterator[str]:
    blocks = create_app(studio, controls_of(directions.values()), "A small generator.")
    yield serve(blocks, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def client(url) -> Client:
    return Client(url, verbose=False)


@pytest.fixture(scope="module")
def photograph(make_picture, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("app") / "photograph.jpg"
    exif = Image.Exif()
    exif[0x010F] = "Camera of somebody"
    make_picture(120, 100).save(path, exif=exif)
    return path


@pytest.fixture(scope="module")
def desk(client, photograph) -> str:
    """A desk with a personalised generator on it."""
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    client.predict(desk, "short", api_name="/personalise")
    return desk


def edited(client: Client, desk: str, edits: dict[str, float], view: str = "face") -> np.ndarray:
    return np.asarray(Image.open(client.predict(desk, edits, view, api_name="/edit"))).astype(int)


# --------------------------------------------------------------------------------- main road


@pytest.mark.slow
def test_from_photograph_to_picture(client, photograph, generator):
    desk, crop = client.predict(handle_file(photograph), api_name="/align")
    side = generator.resolution
    assert Image.open(crop).size == (side, side)
    updates = list(client.submit(desk, "short", 3, api_name="/personalise"))
    assert updates[-1]["state"] == "done" and updates[-1]["done"] == 1
    assert updates[-1]["report"]["seed"] == 3
    assert updates[-1]["report"]["steps_by_stage"] == {"invert": 4, "tune": 4}

    plain = edited(client, desk, {})
    older = edited(client, desk, {"age": 20})
    assert plain.shape == (side, side, 3)
    assert np.abs(older - plain).max() > 10
    assert (edited(client, desk, {}) == plain).all()

    pasted = edited(client, desk, {"age": 20}, "photograph")
    assert pasted.shape == (100, 120, 3)
    original = np.asarray(Image.open(photograph)).astype(int)
    assert np.abs(pasted[0, 0] - original[0, 0]).max() <= 6  # outside of the face: JPEG's error
    assert np.abs(pasted - original).max() > 30


def test_pictures_say_that_they_are_edited_and_nothing_else(client, desk):
    for view in ("face", "photograph"):
        path = Path(client.predict(desk, {}, view, api_name="/edit"))
        with Image.open(path) as image:
            assert image.format == "PNG"
            image.load()
            assert DIGITAL_SOURCE_TYPE in image.info["XML:com.adobe.xmp"]
            assert not image.getexif()
        assert b"Camera of somebody" not in path.read_bytes()


def test_a_session_file_gives_the_same_picture_again(client, desk):
    file = client.predict(desk, {"age": 10, "smile": 0}, api_name="/save_session")
    assert b"Camera of somebody" not in Path(file).read_bytes()
    assert Session.open(Path(file)).edits == {"age": 10}
    other, answer = client.predict(handle_file(file), api_name="/open_session")
    assert other != desk
    assert answer["edits"] == {"age": 10}
    assert answer["report"]["steps"] == 8
    assert (edited(client, other, {"age": 10}) == edited(client, desk, {"age": 10})).all()


def test_a_smaller_picture_on_request(client, desk):
    path = client.predict(desk, {}, "photograph", 60, api_name="/edit")
    assert Image.open(path).size == (60, 50)


@pytest.mark.slow
def test_stop_keeps_what_is_reached(client, photograph):
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    job = client.submit(desk, "endless", api_name="/personalise")
    _until(lambda: job.outputs() and job.outputs()[-1]["index"] > 1)
    assert client.predict(desk, api_name="/stop") == {"stopped": True}
    last = job.result(timeout=60)
    assert last["report"]["stopped"] == "person"
    assert 0 < last["report"]["steps"] < 100_000
    assert edited(client, desk, {"age": 5}).any()
    assert client.predict(desk, api_name="/stop") == {"stopped": False}


@pytest.mark.slow
def test_refining_goes_on_from_what_is_there(client, photograph):
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    assert "nothing to edit" in refusal(client, desk, "short", 0, {}, api_name="/refine")
    client.predict(desk, "short", api_name="/personalise")
    before = edited(client, desk, {"age": 5})
    last = list(client.submit(desk, "short", 0, {"age": 5}, api_name="/refine"))[-1]
    assert last["state"] == "done" and last["report"]["steps_by_stage"]["invert"] == 0
    assert last["report"]["steps_before"] == 4
    assert np.abs(edited(client, desk, {"age": 5}) - before).mean() < 20  # the same face
    session = Session.open(Path(client.predict(desk, {"age": 5}, api_name="/save_session")))
    assert session.edits == {"age": 5}
    assert "outside" in refusal(client, desk, {"age": 1e6}, api_name="/edit")


# --------------------------------------------------------------------------- several people


@pytest.mark.slow
def test_several_people_share_one_generator(client, studio, tmp_path, make_picture):
    desk = ""
    for number, size in enumerate(((120, 100), (90, 100), (100, 80))):
        path = tmp_path / f"{number}.png"
        make_picture(*size).rotate(90 * number, expand=True).save(path)
        if not desk:
            desk, _ = client.predict(handle_file(path), api_name="/align")
        else:
            known = set(studio.workspaces)
            said = refusal(client, "", handle_file(path), api_name="/add_person")
            assert "desk that align gave" in said and set(studio.workspaces) == known
            told, _ = client.predict(desk, handle_file(path), api_name="/add_person")
            assert told == {"people": number + 1}
    last = list(client.submit(desk, "short", api_name="/personalise"))[-1]
    assert last["report"]["steps_by_stage"] == {"invert": 12, "tune": 12}  # four for each

    def shown(person: int) -> np.ndarray:
        told = client.predict(desk, person, {"age": 5}, api_name="/show_person")
        assert told == {"person": person, "people": 3, "edits": {"age": 5}}
        return edited(client, desk, {"age": 5}, "photograph")

    first, second = shown(0), shown(1)
    assert first.shape == (100, 120, 3) and second.shape == (90, 100, 3)
    assert (shown(0) == first).all()
    before, _ = studio.screen(desk, {}, "photograph")
    assert Image.open(io.BytesIO(before)).size == (120, 100)

    shown(1)  # a file opens at the person that it was saved with
    file = client.predict(desk, {"age": 5}, api_name="/save_session")
    other, answer = client.predict(handle_file(file), api_name="/open_session")
    assert (answer["person"], answer["people"], answer["edits"]) == (1, 3, {"age": 5})
    # The session's photograph is a JPEG; what is saved beside it is cut from the file itself.
    again = edited(client, other, {"age": 5}, "photograph")
    assert np.abs(again.astype(int) - second).mean() < 2
    same = [studio.picture(one, {"age": 5}, "photograph").tobytes() for one in (desk, other)]
    assert same[0] == same[1]
    assert "counted from 0" in refusal(client, desk, 3, {}, api_name="/show_person")


def test_of_several_photographs_a_bad_one_is_named(studio, tmp_path, make_picture):
    good, bad, blank = tmp_path / "good.png", tmp_path / "bad.png", tmp_path / "blank.png"
    make_picture(90, 80).save(good)
    bad.write_bytes(b"no photograph")
    Image.new("RGB", (80, 80)).save(blank)
    desk = studio.add([bad, good, blank])
    assert len(desk.crops) == 1
    assert "bad.png is left out" in desk.note and "blank.png is left out: No face" in desk.note
    with pytest.raises(PhotographError, match="None of the photographs"):
        studio.add([bad, blank], desk.id)
    assert len(desk.crops) == 1
    with pytest.raises(PhotographError, match="not a picture"):
        studio.add([bad], desk.id)


@pytest.mark.slow
def test_edits_go_as_far_as_those_of_whom_one_turns_to(client, studio, tmp_path, make_picture):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        make_picture(90, 80).save(path)
    desk = studio.add(paths)
    job = studio.personalise(desk.id, "short")
    assert job.wait(120) and job.error is None
    narrow = {"age": ((-3.0, -1.0), (0.0, 0.0), (4.0, 2.0))}
    desk.session = desk.session.with_curves([{}, narrow])
    assert studio.turn_to(desk.id, 1, {"age": 20.0, "smile": 1.0}).edits == {"age": 4, "smile": 1}
    assert studio.ranges(desk.id)["age"] == (-3, 4)
    studio.session_file(desk.id, {"age": 4})  # what the person can have can be saved
    assert studio.turn_to(desk.id, 0, {"age": 20.0}).edits == {"age": 20}


@pytest.mark.slow
def test_each_sees_only_their_own(url, tmp_path, make_picture):
    faces: dict[int, np.ndarray] = {}

    def one(number: int) -> None:
        path = tmp_path / f"{number}.png"
        make_picture(80 + number, 90).save(path)
        client = Client(url, verbose=False)
        desk, _ = client.predict(handle_file(path), api_name="/align")
        client.predict(desk, "short", api_name="/personalise")
        pasted = edited(client, desk, {}, "photograph")
        assert pasted.shape == (90, 80 + number, 3)
        faces[number] = pasted

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(faces) == [0, 1, 2, 3]


@pytest.mark.slow
def test_who_waits_is_told_how_long(url, photograph):
    client = Client(url, verbose=False)
    first, _ = client.predict(handle_file(photograph), api_name="/align")
    second, _ = client.predict(handle_file(photograph), api_name="/align")
    running = client.submit(first, "endless", api_name="/personalise")
    _until(lambda: running.outputs() and running.outputs()[-1]["state"] == "running")
    waiting = Client(url, verbose=False).submit(second, "short", api_name="/personalise")
    _until(lambda: bool(waiting.outputs()))
    told = waiting.outputs()[0]
    assert (told["state"], told["ahead"]) == ("waiting", 1)
    assert told["seconds_left"] > 10
    assert client.predict(api_name="/status")["waiting"] == 2
    with pytest.raises(AppError, match="being learned or waits for that already"):
        client.predict(second, "short", api_name="/personalise")
    client.predict(first, api_name="/stop")
    assert waiting.result(timeout=60)["state"] == "done"
    running.result(timeout=60)


def test_a_job_whose_person_left_is_stopped(url, studio, photograph):
    client = Client(url, verbose=False)
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    job = client.submit(desk, "endless", api_name="/personalise")
    _until(lambda: studio.line.job_of(desk) is not None)
    job.cancel()
    _until(lambda: studio.line.job_of(desk) is None)


# --------------------------------------------------------------------------------- mistakes


def refusal(client: Client, *arguments: object, api_name: str) -> str:
    """The one sentence that a mistake is answered with."""
    with pytest.raises(AppError) as caught:
        client.predict(*arguments, api_name=api_name)
    message = str(caught.value)
    assert message.endswith((".", "?")) and "\n" not in message and "Traceback" not in message
    return message


@pytest.mark.slow
def test_mistakes_are_answered_in_a_sentence(client, desk, tmp_path):
    text, blank = tmp_path / "text.jpg", tmp_path / "blank.png"
    text.write_text("no picture")
    Image.new("RGB", (100, 100)).save(blank)
    before = edited(client, desk, {})
    assert "not a picture" in refusal(client, handle_file(text), api_name="/align")
    assert "No face" in refusal(client, handle_file(blank), api_name="/align")
    assert "not a session" in refusal(client, handle_file(text), api_name="/open_session")
    assert "smile" in refusal(client, desk, {"smlie": 1}, api_name="/edit")
    assert "outside" in refusal(client, desk, {"age": 1e6}, api_name="/edit")
    assert "no amount" in refusal(client, desk, {"age": "old"}, api_name="/edit")
    assert "object of amounts" in refusal(client, desk, [1], api_name="/edit")
    assert "seed" in refusal(client, desk, "short", -1, api_name="/personalise")
    empty, _ = client.predict(handle_file(_picture(tmp_path)), api_name="/align")
    assert "personalise" in refusal(client, empty, {}, api_name="/edit")
    assert (edited(client, desk, {}) == before).all()


@pytest.mark.parametrize("identifier", ["", "x", "../../etc/passwd", "a" * 10_000, "\x00"])
def test_a_foreign_identifier_opens_nothing(client, identifier):
    for api_name, arguments in (
        ("/edit", ({}, "face")),
        ("/save_session", ({},)),
        ("/personalise", ("short",)),
    ):
        assert "no longer kept" in refusal(client, identifier, *arguments, api_name=api_name)


def test_a_session_of_another_generator_is_refused(client, desk, tmp_path):
    path = tmp_path / "other.safetensors"
    data = Path(client.predict(desk, {}, api_name="/save_session")).read_bytes()
    path.write_bytes(data.replace(b"0" * 64, b"f" * 64))
    assert "needs the generator" in refusal(client, handle_file(path), api_name="/open_session")


def test_the_faces_of_a_photograph_are_listed(client, photograph):
    (face,) = client.predict(handle_file(photograph), api_name="/faces")
    left, top, right, bottom = face["box"]
    assert face["face"] == 0 and 0 <= left < right <= 120 and top < bottom <= 100
    assert "counted from 0" in refusal(client, handle_file(photograph), 1, api_name="/align")


@pytest.mark.slow
def test_a_face_that_is_not_found_is_marked_by_a_square(client, tmp_path):
    blank = tmp_path / "painting.png"
    Image.new("RGB", (120, 100), (90, 90, 90)).save(blank)
    file = handle_file(blank)
    assert "No face was found" in refusal(client, file, api_name="/align")
    for square in ([10, 5, 80], "whole"):
        desk, crop = client.predict(file, 0, square, api_name="/align")
        with Image.open(crop) as shown:
            assert shown.size == (64, 64) and shown.getpixel((0, 0))[:3] == (90, 90, 90)
        client.predict(desk, "short", api_name="/personalise")
        assert edited(client, desk, {}, "photograph").shape[:2] == (100, 120)
        client.predict(desk, api_name="/forget")
    for wrong in ([100, 5, 80], [1, 2], "all", [1, 2, None], [0, 0, 1e300]):
        assert "square" in refusal(client, file, 0, wrong, api_name="/align").lower()


@pytest.mark.slow
def test_forget(client, desk):
    file = client.predict(desk, {}, api_name="/save_session")
    desk, _ = client.predict(handle_file(file), api_name="/open_session")
    assert edited(client, desk, {}).any()
    client.predict(desk, api_name="/forget")
    assert "no longer kept" in refusal(client, desk, {}, api_name="/edit")


# ------------------------------------------------------------------------------------ parts


def test_the_endpoints_are_named_and_typed(client, directions):
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {
        *("/align", "/personalise", "/refine", "/stop", "/edit", "/save_session", "/open_session"),
        *("/faces", "/forget", "/directions", "/status", "/add_person", "/show_person"),
        *("/likeness", "/variation", "/strip", "/animate"),
        *("/open_file", "/use_code", "/export", "/add_directions", "/calibrate"),
        *("/understand", "/edit_text"),
        *("/share", "/open_share", "/shares", "/rename_share", "/delete_share"),
    }
    listed = client.predict(api_name="/directions")
    assert [row["name"] for row in listed] == list(directions)
    status = client.predict(api_name="/status")
    assert status["ready"] is True and status["waiting"] == 0
    assert status["seconds"]["endless"] > status["seconds"]["short"] > 0


def test_the_pages_controls_are_the_directions():
    assert read_controls() == controls_of(load_directions().values())
    for control in read_controls():
        low, high = control.bounds
        assert control.low <= low < 0 < high <= control.high
        assert abs(high / control.step - round(high / control.step)) < 1e-6


def test_a_persons_sliders_have_zero_among_their_positions():
    control = Control("age", "Age", "face", "years", -11.0, 20.0)
    for own in ((-3.67, 3.73), (-0.5, 18.0), (-8.55, 0.4), (-9.56008, 13.76)):
        low, high, step = bounds_of([control], {"age": own})["age"]
        assert own[0] <= low < 0 < high <= own[1]
        assert all(abs(end / step - round(end / step)) < 1e-6 for end in (low, high))


def test_the_presets_are_those_of_the_library():
    from pti_core.inversion.presets import PRESETS

    assert set(PRESET_NAMES) == set(PRESETS)


def test_the_page_needs_no_heavy_library():
    script = "import sys, app; heavy = {'torch', 'cv2', 'dlib', 'onnxruntime'} & set(sys.modules)\n"
    script += "assert not heavy, heavy"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_workspaces_keep_within_their_bound():
    workspaces = Workspaces(max_mb=1)
    kept = []
    for _ in range(5):
        desk = workspaces.new()
        desk.photographs = [bytes(400_000)]
        kept.append(desk)
        workspaces.make_room(keep=desk.id)
    assert workspaces.nbytes() <= 2**20
    assert [d.id for d in kept[3:]] == list(workspaces)
    with pytest.raises(NoWorkspaceError):
        workspaces.get(kept[0].id)
    workspaces.get(kept[3].id)
    large = workspaces.new()
    large.photographs = [bytes(2_000_000)]
    workspaces.make_room(keep=large.id)
    assert list(workspaces) == [large.id]


def test_the_greediest_address_loses_its_workspaces_first():
    workspaces = Workspaces(max_mb=4)

    def lay(address: str, megabytes: float) -> Workspace:
        desk = workspaces.new(address)
        desk.photographs = [bytes(int(megabytes * 2**20))]
        workspaces.make_room(keep=desk.id)
        return desk

    honest = [lay(f"8.8.{number}.8", 0.2) for number in range(5)]
    unknown = lay("", 0.2)
    greedy = [lay("1.1.1.1", 1.3) for _ in range(6)]
    kept = set(workspaces)
    assert all(desk.id in kept for desk in [*honest, unknown])
    assert [desk.id in kept for desk in greedy] == [False] * 4 + [True] * 2
    assert workspaces.nbytes() <= 4 * 2**20


def test_identifiers_cannot_be_guessed():
    names = {Workspace().id for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) >= 32 for name in names)


def test_estimates_follow_what_is_measured():
    line = JobQueue()
    seconds, steps = 0.02, 20

    def work(on_step):
        for stage in ("invert", "tune"):
            for index in range(steps):
                time.sleep(seconds)
                on_step(Step(stage, index + 1, steps))

    job = line.submit(work, [Stage("invert", steps, 5.0), Stage("tune", steps, 5.0)], "a")
    assert job.progress().seconds_left == pytest.approx(200)
    _until(lambda: job.progress().index >= steps // 2)
    left = job.progress().seconds_left
    assert left is not None and left < 3 * seconds * steps  # truly 1.5, on a busy machine more
    assert 0 < job.progress().done < 1
    assert job.wait(10)
    planned = sum(s.steps * s.seconds for s in line.paced(job.plan, ""))
    assert planned < 5


def test_a_stage_of_more_steps_than_planned_is_reckoned_with():
    line, go = JobQueue(), threading.Event()

    def work(on_step):
        for index in range(12):
            time.sleep(0.05)
            on_step(Step("tune", index + 1, 20))
        go.wait(10)

    job = line.submit(work, [Stage("tune", 10, 5.0), Stage("fit edits", 1, 1.0)], "a")
    _until(lambda: job.progress().index == 12)
    progress = job.progress()
    assert progress.done < 1
    assert progress.seconds_left is not None and progress.seconds_left > 0.2  # eight steps
    go.set()
    assert job.wait(10)


def test_the_line_is_bounded_and_a_failure_frees_it():
    line = JobQueue(max_waiting=1)
    go = threading.Event()

    def fail(on_step):
        go.wait(10)
        raise RuntimeError("meant")

    first = line.submit(fail, [], "a")
    _until(lambda: first.progress().state == "running")
    second = line.submit(lambda on_step: 7, [], "b")
    with pytest.raises(QueueFullError):
        line.submit(lambda on_step: 8, [], "b")
    with pytest.raises(QueueFullError):
        line.submit(lambda on_step: 8, [], "c")
    go.set()
    assert second.wait(10) and second.result == 7
    assert first.progress().state == "failed" and str(first.error) == "meant"


def test_one_who_leaves_the_line_frees_the_place():
    line, go = JobQueue(), threading.Event()
    first = line.submit(lambda on_step: go.wait(10), [], "a")
    second = line.submit(lambda on_step: pytest.fail("it had left"), [], "b")
    second.stop()
    assert second.progress().state == "left" and len(line) == 1
    go.set()
    assert first.wait(10)


def _picture(folder: Path) -> Path:
    path = folder / "gradient.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


def _until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def test_no_picture_is_written_in_place_where_another_call_may_read_it(
    client, photograph, monkeypatch
):
    """The same photograph has the same picture. Gradio, given pixels, would write its file anew."""
    from gradio import processing_utils

    def refuse(*_args: object, **_more: object) -> str:
        raise AssertionError("a picture was written by Gradio")

    monkeypatch.setattr(processing_utils, "save_pil_to_cache", refuse)
    desk, first = client.predict(handle_file(photograph), api_name="/align")
    _, second = client.predict(desk, handle_file(photograph), api_name="/add_person")
    assert Path(first).read_bytes() == Path(second).read_bytes()
    with Image.open(first) as picture:
        assert picture.format == "PNG"
