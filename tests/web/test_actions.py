"""The actions that the page's script calls, without a browser."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pillow_heif
import pytest
import torch
from gradio.utils import get_upload_folder
from PIL import Image

from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from pti_core.editing.controls import controls_of
from pti_core.editing.hair_color import HARDLY_ANY_HAIR, HairColor
from pti_core.errors import UserError
from pti_core.faces.decode import CUT
from pti_core.faces.framing import frame
from pti_core.faces.images import read_photograph
from pti_core.networks.face_parsing import FaceParser
from pti_core.progress import OnStep, Step
from service.share_store import Store
from service.studio import Studio
from service.text_service import Done, Wish
from tests.helpers.small import ENDLESS, SHORT, MiddleFace, small_tuning_models
from web.actions import BROKEN, Actions, Ask
from web.looks import LOOKS, looks_for, surprise
from web.page import Page, script
from web.serve import create_app
from web.tabs.save import file_stem
from web.tabs.tasks import MAX_OF_ADDRESS, MAX_OF_ALL, MAX_OF_WORKSPACE, Task, Tasks

REQUEST = SimpleNamespace(client=SimpleNamespace(host="127.0.0.1"), headers={}, session_hash="")


@pytest.fixture(scope="module")
def page(generator, lpips, directions, tmp_path_factory) -> Page:
    models = small_tuning_models(generator, lpips, directions)
    studio = Studio(lambda report: models, {"fast": SHORT, "endless": ENDLESS})
    studio.networks.get()
    store = Store(tmp_path_factory.mktemp("shares"))
    return Page(studio, controls_of(directions.values()), "fast", store)


@pytest.fixture(scope="module")
def uploads(make_picture) -> Path:
    folder = Path(get_upload_folder()) / "actions"
    folder.mkdir(parents=True, exist_ok=True)
    make_picture(120, 100).save(folder / "photograph.png")
    return folder


@pytest.fixture(scope="module")
def desk(page, uploads) -> str:
    chosen = call(page, "photograph", path=str(uploads / "photograph.png"))
    job = page.studio.personalise(chosen["desk"], "fast")
    assert job.wait(120) and job.error is None
    return chosen["desk"]


def call(page: Page, do: str, **given: object) -> dict:
    return page.actions.call({"do": do, **given}, None)


def told_in_the_end(page: Page, key: str, do: str, **given: object) -> dict:
    """The first answer of an action that has this key; the page asks again and again, too."""
    end = time.monotonic() + 60
    while key not in (told := call(page, do, **given)):
        assert time.monotonic() < end and "error" not in told, told
        time.sleep(0.02)
    return told


def is_marked(path: str) -> bool:
    """Whether a file says that it is edited with AI."""
    return DIGITAL_SOURCE_TYPE.encode() in Path(path).read_bytes()


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "", "\x00", "/nowhere"])
def test_only_uploads_are_opened(page, path):
    for action in ("photograph", "open_session"):
        assert "did not arrive" in call(page, action, path=path)["error"]


@pytest.mark.parametrize("data", [None, [], "look", {"do": 7}, {"do": "__init__"}])
def test_what_is_no_action_is_refused(page, data):
    assert "reload" in page.actions.call(data, None)["error"]


def test_a_photograph_shows_its_faces(page, uploads):
    told = call(page, "photograph", path=str(uploads / "photograph.png"))
    assert told["size"] == (120, 100) and len(told["boxes"]) == 1 and told["face"] == 0
    assert "counted from 0" in call(page, "choose_face", desk=told["desk"], face=4)["error"]


@pytest.mark.parametrize("ending", ["png", "tiff", "heic"])
def test_a_photograph_of_any_format_is_shown_as_a_jpeg(page, uploads, make_picture, ending):
    """Browsers show no TIFF and no HEIC, and of JPEG files those in RGB."""
    path, picture = uploads / f"shown.{ending}", make_picture(120, 100)
    if ending == "heic":
        pillow_heif.from_pillow(picture).save(path, quality=95)
    else:
        picture.convert({"png": "RGBA", "tiff": "CMYK"}[ending]).save(path)
    told = call(page, "photograph", path=str(path))
    assert told["picture"].endswith(".jpg")
    with Image.open(told["picture"]) as shown:
        assert (shown.format, shown.mode, shown.size) == ("JPEG", "RGB", (120, 100))
        assert np.abs(np.asarray(shown).astype(int) - np.asarray(picture)).mean() < 8


def test_a_photograph_whose_lower_part_is_missing_is_said_to_be_incomplete(page, uploads):
    noise = np.random.default_rng(0).integers(0, 255, (160, 90, 3), dtype="u1")
    path = uploads / "cut.jpg"
    Image.fromarray(noise).save(path, quality=90)
    whole = path.read_bytes()
    assert call(page, "photograph", path=str(path))["note"] == ""
    path.write_bytes(whole[: int(len(whole) * 0.7)])
    told = call(page, "photograph", path=str(path))
    assert told["note"] == CUT and told["size"] == (90, 160)


def test_a_person_marks_the_face_where_none_is_found(page, uploads):
    Image.new("RGB", (120, 100), "grey").save(uploads / "painting.png")
    path = str(uploads / "painting.png")
    assert call(page, "photograph", path=path)["no_face"] is True
    told = call(page, "photograph", path=path, marked=True)
    assert told["marked"] and told["boxes"] == [[10.0, 0.0, 110.0, 100.0]]
    drawn = call(page, "choose_face", desk=told["desk"], square=[5, 6, 70])
    assert drawn["marked"] and drawn["boxes"] == [[5.0, 6.0, 75.0, 76.0]]
    assert "inside" in call(page, "choose_face", desk=told["desk"], square=[5, 6, 700])["error"]
    job = page.studio.personalise(told["desk"], "fast")
    assert job.wait(120) and job.error is None


def test_a_bad_file_among_more_people_is_named(page, uploads):
    (uploads / "text.jpg").write_text("no picture")
    files = [
        {"path": str(uploads / "photograph.png"), "name": "good.png"},
        {"path": str(uploads / "text.jpg"), "name": "bad.jpg"},
    ]
    told = call(page, "add_people", files=files)
    assert len(told["people"]) == 1
    (refused,) = told["refused"]
    assert refused.startswith("bad.jpg: ")


def test_a_face_that_is_added_to_a_session_leaves_the_first_where_it_was(page, uploads, desk):
    session = page.studio.session(desk)
    path = uploads / "session.safetensors"
    session.save(path)
    opened = call(page, "open_session", path=str(path))["opened"]["desk"]
    workspace = page.studio.workspaces.get(opened)
    before = np.asarray(session.crop())
    (uploads / "text.jpg").write_text("no picture")
    bad = [{"path": str(uploads / "text.jpg"), "name": "bad.jpg"}]
    told = call(page, "add_people", desk=opened, files=bad)
    assert [refused.split(":")[0] for refused in told["refused"]] == ["bad.jpg"]
    assert len(told["people"]) == 1 and told["face"] is None and not told["marked"]
    more = [{"path": str(uploads / "photograph.png"), "name": "good.png"}]
    told = call(page, "add_people", desk=opened, files=more)
    assert len(told["people"]) == 2 and told["boxes"] == []
    assert workspace.faces == [session.alignments[0], 0]
    # It is learned anew from the same crop, of the session's JPEG file.
    image = read_photograph(workspace.photographs[0]).image
    again, _ = frame(MiddleFace(), image, workspace.faces[0], before.shape[0])
    assert np.abs(np.asarray(again).astype(int) - before).mean() < 4


def test_an_open_session_is_told_and_its_steps_come_back(page, desk):
    opened = call(page, "hello", desk=desk)["opened"]
    low, high, step = opened["bounds"]["age"]
    assert low < 0 < high and step > 0 and opened["stack"] == 0 and opened["entries"] == []
    assert call(page, "put_back", desk=desk, stack=0)["stack"] == 0
    assert "no longer kept" in call(page, "put_back", desk=desk, stack=5)["error"]
    assert call(page, "likeness", desk=desk, edits={}) == {}
    assert call(page, "hello", desk="unknown")["lost"] is True
    assert call(page, "hello", desk=desk, copied="a" * 32)["link_gone"] is True
    assert "link_gone" not in call(page, "hello", desk=desk)
    assert call(page, "likeness", desk="unknown")["gone"] is True


def test_what_a_photograph_does_not_take_is_said(page, desk, monkeypatch):
    """A parser with random weights finds no hair."""
    assert call(page, "notes", desk=desk, edits={"age": 1}) == {"note": ""}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        models = replace(page.studio.edit_models(desk), parser=FaceParser())
    monkeypatch.setattr(page.studio, "edit_models", lambda _: models)
    assert call(page, "notes", desk=desk, edits={"age": 1}) == {"note": ""}
    page.studio.set_options(desk, HairColor("#ff69b4"), True)
    try:
        assert call(page, "notes", desk=desk, edits={}) == {"note": HARDLY_ANY_HAIR}
    finally:
        page.studio.set_options(desk, None, True)
    assert call(page, "notes", desk="unknown")["gone"] is True


def test_a_sentence_beyond_the_limit_is_refused_and_not_cut(page):
    told = call(page, "read", prompt="older, " * 300)
    assert not told["doable"] and "longer than" in told["left"]


def test_the_page_says_what_a_celebrity_needs(page):
    told = call(page, "read", prompt="Johnny Depp")
    assert "Depp" in told["lacking"] and told["said"] == "" and told["note"] == ""


def test_the_edits_in_words_are_read_as_the_same_edits(page):
    edits, hair = {"age": 5.0, "smile": 0.6}, {"colour": "#12ab9f", "amount": 50}
    words = call(page, "words", edits=edits, hair=hair)["words"]
    assert "5 years older" in words and "#12ab9f hair 50%" in words
    told = call(page, "read", prompt=words)
    assert "older" in told["said"] and "smiling" in told["said"]
    assert call(page, "words", edits={}, hair=None)["words"] == ""


@pytest.mark.parametrize("form", ["png", "jpg", "webp"])
def test_pictures_are_saved_in_each_format(page, desk, form):
    from PIL import Image

    told = call(page, "save_picture", desk=desk, edits={"age": 5}, format=form, name="Ann B.jpeg")
    assert told["name"] == f"Ann-B-edited.{form}"
    with Image.open(told["file"]) as image:
        assert image.size == (64, 64)
    data = Path(told["file"]).read_bytes()
    assert b"compositeWithTrainedAlgorithmicMedia" in data
    assert "saved as" in call(page, "save_picture", desk=desk, format="exe")["error"]


def test_small_pictures_say_that_they_are_edited(page, desk):
    for quick in (True, False):
        told = call(page, "look", desk=desk, edits={"age": 2}, quick=quick)
        assert told["whole"] is not quick and is_marked(told["picture"])
    pictures = call(page, "across", desk=desk, edits={}, name="age")["pictures"]
    assert len(pictures) > 2 and all(is_marked(one["picture"]) for one in pictures)


def test_previews_of_learning_say_that_they_are_edited(page, uploads):
    chosen = call(page, "photograph", path=str(uploads / "photograph.png"))["desk"]
    call(page, "learn", desk=chosen, preset="endless")
    job = page.studio.line.job_of(chosen)
    assert is_marked(told_in_the_end(page, "picture", "progress", desk=chosen)["picture"])
    page.studio.forget(chosen)
    assert job is not None and job.wait(60)


def test_previews_of_an_edit_in_words_say_that_they_are_edited(page, desk, monkeypatch):
    """They are an optimisation's, which needs CLIP: one step stands in for it."""

    def do(workspace: str, wish: Wish, edits: dict[str, float], on_step: OnStep) -> Done:
        on_step(Step("optimise", 1, 200, picture=torch.zeros(1, 3, 64, 64)))
        return Done(edits, "", "")

    monkeypatch.setattr(page.text.texts, "do", do)
    task = call(page, "say", desk=desk, edits={}, prompt="a red face", way="optimise")["task"]
    told_in_the_end(page, "result", "task", task=task)
    assert is_marked(call(page, "task", task=task)["picture"])


def test_file_names_hold_no_paths():
    assert file_stem("../../etc/passwd.png") == "etc-passwd"
    assert file_stem("") == file_stem("....") == "face"


def test_looks_and_surprises_stay_within_a_persons_ranges():
    names = {name for look in LOOKS.values() for name in look}
    bounds = dict.fromkeys(names, (-0.37, 4.1, 0.05))
    for look in looks_for(bounds):
        assert all(-0.37 <= amount <= 4.1 and amount for amount in look["edits"].values())
    found = [surprise(bounds, seed) for seed in range(30)]
    assert found == [surprise(bounds, seed) for seed in range(30)]
    assert all(-0.37 <= amount <= 4.1 for edits in found for amount in edits.values())
    assert len({tuple(edits) for edits in found}) > 10


def test_one_browser_takes_no_more_than_its_places(page):
    from service.share_store import new_secret
    from web.actions import FULL, MAX_OF_OWNER

    begun, go = threading.Barrier(MAX_OF_OWNER + 1), threading.Event()

    def wait(ask: Ask) -> dict:
        begun.wait(30)
        assert go.wait(30)
        return {"done": True}

    actions, owner, answers = Actions(), new_secret(), []
    actions.add(wait=wait, quick=lambda ask: {"done": True}, status=lambda ask: {"done": True})

    def run() -> None:
        answers.append(actions.call({"do": "wait", "owner": owner}, REQUEST))

    threads = [threading.Thread(target=run) for _ in range(MAX_OF_OWNER)]
    for thread in threads:
        thread.start()
    begun.wait(30)
    assert actions.call({"do": "quick", "owner": owner}, REQUEST) == {"error": FULL}
    assert actions.call({"do": "status", "owner": owner}, REQUEST) == {"done": True}
    assert actions.call({"do": "quick", "owner": new_secret()}, REQUEST) == {"done": True}
    go.set()
    for thread in threads:
        thread.join(30)
    assert answers == [{"done": True}] * MAX_OF_OWNER
    assert actions.call({"do": "quick", "owner": owner}, REQUEST) == {"done": True}


def test_tasks_under_way_are_bounded_and_end_unseen(monkeypatch):
    tasks, go = Tasks(), threading.Event()

    def work(task: Task) -> dict:
        while not go.is_set() and not task.unwanted:
            time.sleep(0.01)
        return {"seen": go.is_set()}

    def start(desk: str, address: str = "") -> str:
        return tasks.start(Ask({"desk": desk}, address=address), work)["task"]

    first = [start("a") for _ in range(MAX_OF_WORKSPACE)]
    with pytest.raises(UserError, match="already"):
        start("a")
    for number in range(MAX_OF_ADDRESS):
        start(f"b{number}", "8.8.8.8")
    with pytest.raises(UserError, match="Too many"):
        start("c", "8.8.8.8")
    for number in range(MAX_OF_ALL - MAX_OF_WORKSPACE - MAX_OF_ADDRESS):
        start(f"d{number}", f"1.1.{number}.1")
    with pytest.raises(UserError, match="Too many"):
        start("e")
    go.set()
    look = Ask({"task": first[0]})
    while "result" not in tasks.look(look):
        time.sleep(0.01)
    go.clear()
    monkeypatch.setattr("web.tabs.tasks.UNSEEN_SECONDS", 0.3)
    watched, left = start("a"), start("f")
    for _ in range(60):
        told = tasks.look(Ask({"task": watched}))
        time.sleep(0.01)
    assert "result" not in told
    assert tasks.look(Ask({"task": left}))["result"] == {"seen": False}
    go.set()


@pytest.mark.parametrize("odd", [10**400, True, "1", None, float("nan"), [1]])
def test_odd_amounts_are_said_and_not_computed_with(page, odd):
    answer = call(page, "look", desk="x", edits={"age": odd})
    assert "error" in answer and answer["error"] != BROKEN
    assert Ask({"seed": odd}).whole("seed", 3) == 3


def test_the_page_knows_which_workspace_its_script_shows(page):
    """By the name that the script gives it: what no tab shows any more is forgotten."""
    sent = re.search(r'trigger\("shown", \{ (\w+):', script())
    assert sent is not None
    left: list[str] = []
    used: list[str] = []
    kept = Page.keep(
        SimpleNamespace(
            studio=SimpleNamespace(leave=left.append, workspaces=SimpleNamespace(use=used.append))
        ),
        gr.EventData(None, {sent[1]: "new"}),
        "old",
    )
    assert kept == "new" and left == ["old"]


def test_what_a_closed_tab_showed_is_left(page, uploads):
    """Gradio hands the state of a tab that is closed for good to its `delete_callback`."""
    blocks = create_app(page.studio, page.controls, store=page.store)
    (state,) = [one for one in blocks.blocks.values() if isinstance(one, gr.State)]
    assert state.delete_callback == page.studio.leave
    shown = call(page, "photograph", path=str(uploads / "photograph.png"))["desk"]
    state.delete_callback(shown)
    assert shown not in set(page.studio.workspaces)
