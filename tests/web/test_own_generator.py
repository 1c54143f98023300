"""A 256-pixel generator of no faces, from its file through the page to an edit; codes and own
directions on the page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from checkpoints.network_loaders import load_edit_models, load_tuning_models
from checkpoints.own_generator import Subject, find_own, subject_of
from checkpoints.select_generator import choose_generator
from pti_core.editing.controls import read_controls
from pti_core.errors import CheckpointError
from pti_core.session.session import Session
from service.share_store import Store
from service.studio import Studio
from tests.helpers.field_files import ada_code, boundary, e4e_codes, ganspace, pti_code
from tests.helpers.layouts import NvidiaWriter, as_nvidia, rosinality_state, write_rosinality
from tests.helpers.small import SHORT
from tests.helpers.visit import Visit, pick
from web.actions import Actions
from web.page import Page
from web.serve import create_app, serve

#: The networks that these tests share take seconds to be made.
pytestmark = pytest.mark.slow

#: Channels from 4 to 256 pixels; the published ones are up to sixteen times as many.
CHANNELS = (32, 32, 32, 32, 16, 16, 8)


@pytest.fixture(scope="module")
def files(own_cache: Path) -> Path:
    return own_cache


@pytest.fixture(scope="module")
def own_file(files: Path) -> Path:
    return write_rosinality(files / "patterns.pt", rosinality_state(CHANNELS, 512))


@pytest.fixture(scope="module")
def studio(own_file: Path) -> Studio:
    generator = choose_generator(str(own_file), "cpu")
    models = load_tuning_models(generator.generator)
    found = Studio(lambda report: models, {"fast": SHORT}, load_other=load_edit_models)
    found.networks.get()
    return found


@pytest.fixture(scope="module")
def photograph(make_picture, files: Path) -> Path:
    path = files / "patterns.png"
    make_picture(400, 300).save(path)
    return path


@pytest.mark.slow
def test_it_is_named_as_what_it_is(own_file: Path, files: Path, monkeypatch) -> None:
    choice = choose_generator(str(own_file), "cpu")
    assert choice.name.startswith("own-") and choice.name[4:] == choice.generator.fingerprint[:12]
    assert choice.generator.resolution == 256
    assert "draws no faces" in choice.why and "256 pixels" in choice.why
    assert subject_of(choice.generator) is Subject.OTHER
    pickled = NvidiaWriter(monkeypatch).write(
        files / "patterns.pkl", as_nvidia(rosinality_state(CHANNELS, 512)), img_resolution=256
    )
    other = choose_generator(str(pickled), "cpu")
    assert other.name != choice.name and other.generator.resolution == 256
    own_file.rename(own_file.with_suffix(".gone"))
    try:  # its sessions are opened from the converted weights
        assert load_edit_models(choice.name).generator.fingerprint == choice.generator.fingerprint
    finally:
        own_file.with_suffix(".gone").rename(own_file)


def test_files_that_are_no_generator_are_named(files: Path) -> None:
    small = write_rosinality(files / "small.pt", rosinality_state())
    with pytest.raises(CheckpointError, match="a StyleGAN2 of 32 pixels; use one of 256"):
        find_own(small)
    code = pti_code(files / "code.pt", torch.randn(512))
    with pytest.raises(CheckpointError, match="a single tensor of shape"):
        find_own(code)


@pytest.mark.slow
def test_the_embedded_generators_w_is_ffhqs() -> None:
    embedded = load_tuning_models("mobile", identity=False)
    assert subject_of(embedded.generator) is Subject.FFHQ


# Through the page's own actions.


@pytest.fixture
def actions(studio: Studio, tmp_path: Path, monkeypatch) -> Iterator[Actions]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    yield Page(studio, read_controls(), "fast", Store(tmp_path / "shares")).actions


@pytest.fixture
def asked(actions: Actions, tmp_path: Path) -> Any:
    def ask(do: str, **data: Any) -> dict[str, Any]:
        answer = actions.call({"do": do, **data}, None)
        assert "error" not in answer, answer
        return answer

    ask.refused = lambda do, **data: actions.call({"do": do, **data}, None)["error"]
    return ask


def rendered(studio: Studio, desk: str, edits: dict[str, float]) -> np.ndarray:
    return np.asarray(studio.picture(desk, edits)).astype(int)


def test_codes_open_without_a_photograph(asked, studio, tmp_path) -> None:
    w = 0.5 * torch.randn(512, generator=torch.Generator().manual_seed(1))
    ws = w + 0.2 * torch.randn(2, 14, 512, generator=torch.Generator().manual_seed(2))
    alike = []
    for path in (
        pti_code(tmp_path / "0.pt", w, 14),
        ada_code(tmp_path / "projected_w.npz", w, 14),
    ):
        told = asked("open_code", path=str(path))["opened"]
        assert [one["tab"] for one in told["controls"]] == ["SeFa"] * 10
        assert told["composited"] is False and told["looks"] == []
        alike.append(rendered(studio, told["desk"], {}))
    assert np.array_equal(*alike)
    told = asked("open_code", path=str(e4e_codes(tmp_path / "latents.pt", ws)))["opened"]
    first = rendered(studio, told["desk"], {})
    assert not np.array_equal(first, alike[0])
    assert not np.array_equal(rendered(studio, told["desk"], {"sefa_1": 2}), first)
    with_18 = e4e_codes(tmp_path / "ffhq.pt", torch.randn(1, 18, 512))
    assert "18 levels" in asked.refused("open_code", path=str(with_18))


def test_own_directions_become_sliders(asked, studio, tmp_path) -> None:
    random = torch.Generator().manual_seed(3)
    code = pti_code(tmp_path / "0.pt", 0.5 * torch.randn(512, generator=random), 14)
    desk = asked("open_code", path=str(code))["opened"]["desk"]
    path = boundary(tmp_path / "fluffy_w_boundary.npy", torch.randn(512, generator=random))
    told = asked("add_directions", desk=desk, path=str(path))
    assert told["names"] == ["fluffy_w_boundary"]
    basis = torch.linalg.qr(torch.randn(512, 20, generator=random))[0].T.contiguous()
    path = ganspace(tmp_path / "pca.npz", basis, torch.ones(20))
    told = asked("add_directions", desk=desk, path=str(path))
    assert told["names"][:2] == ["pca_0", "pca_1"] and len(told["names"]) == 10
    bounds = told["opened"]["bounds"]
    assert bounds["pca_0"][:2] == [-3.0, 3.0] or tuple(bounds["pca_0"][:2]) == (-3.0, 3.0)
    plain = rendered(studio, desk, {})
    moved = rendered(studio, desk, {"fluffy_w_boundary": 2, "pca_0": -1})
    assert np.abs(moved - plain).mean() > 0.5
    step = torch.zeros(32)
    step[3] = 4
    np.savez(tmp_path / "channel.npz", **{"b32.conv1": step.numpy()})
    told = asked("add_directions", desk=desk, path=str(tmp_path / "channel.npz"))
    assert told["opened"]["entries"] == [{"label": "channel", "amount": 1.0}]
    assert not np.array_equal(rendered(studio, desk, {}), plain)
    # What needs a face says so.
    assert "Nothing here measures" in asked.refused("calibrate", desk=desk, name="pca_0")
    # The file keeps them.
    session = Session.open(Path(asked("save_session", desk=desk, edits={"pca_0": 1})["file"]))
    assert "pca_9" in session.own and session.edits == {"pca_0": 1}


def test_a_photograph_is_learned_around_a_code(asked, studio, tmp_path, photograph) -> None:
    upload = tmp_path / "photo.png"
    upload.write_bytes(photograph.read_bytes())
    told = asked("photograph", path=str(upload))
    assert told["square"] is True and len(told["boxes"]) == 1
    told = asked("choose_face", desk=told["desk"], square=[50, 20, 200])
    assert told["boxes"] == [[50, 20, 250, 220]]
    assert "inside the photograph" in asked.refused(
        "choose_face", desk=told["desk"], square=[300, 20, 200]
    )
    w = 0.5 * torch.randn(512, generator=torch.Generator().manual_seed(1))
    said = asked("use_code", desk=told["desk"], path=str(ada_code(tmp_path / "w.npz", w, 14)))
    assert "around the code w (W)" in said["said"]
    job = studio.personalise(told["desk"], "fast")
    assert job.wait(120) and job.error is None
    session = studio.session(told["desk"])
    assert torch.equal(session.pivot()[0], w) and job.result["pivot"] == "code"
    assert session.delta.tensors and session.alignments[0].quad[0] == (49.5, 19.5)
    # Out, and in again.
    file = Path(asked("export", desk=told["desk"])["file"])
    again = asked("open_code", path=str(file))["opened"]["desk"]
    difference = np.abs(rendered(studio, again, {}) - rendered(studio, told["desk"], {}))
    assert difference.max() <= 1


@pytest.mark.slow
def test_programs_do_the_same_by_named_endpoints(studio, tmp_path, photograph) -> None:
    """From a code to a moved picture, an export and back; and a photograph around a code."""
    store = Store(tmp_path / "shares")
    blocks = create_app(studio, read_controls(), store=store)
    url = serve(blocks, store, studio, prevent_thread_lock=True, quiet=True)
    try:
        client = Client(url, verbose=False)

        def call(name: str, *values: Any) -> Any:
            given = [handle_file(one) if isinstance(one, Path) else one for one in values]
            return client.predict(*given, api_name=f"/{name}")

        def drawn(desk: str, edits: dict[str, float]) -> np.ndarray:
            return np.asarray(Image.open(call("edit", desk, edits))).astype(int)

        random = torch.Generator().manual_seed(7)
        w = 0.5 * torch.randn(512, generator=random)
        ws = w + 0.2 * torch.randn(1, 14, 512, generator=random)
        desk, told = call("open_file", e4e_codes(tmp_path / "latents.pt", ws))
        assert told["space"] == "W+" and told["generator"].startswith("own-")
        desk, told = call("open_file", pti_code(tmp_path / "0.pt", w, 14))
        assert told["space"] == "W"
        path = boundary(tmp_path / "fluffy_w_boundary.npy", torch.randn(512, generator=random))
        told = call("add_directions", desk, path)
        assert told == {"names": ["fluffy_w_boundary"], "ranges": {"fluffy_w_boundary": [-3, 3]}}
        plain = drawn(desk, {})
        assert np.abs(drawn(desk, {"fluffy_w_boundary": 2}) - plain).mean() > 0.5
        with pytest.raises(AppError, match="Nothing here measures"):
            call("calibrate", desk, "fluffy_w_boundary")
        again, _ = call("open_file", Path(call("export", desk)))
        assert np.array_equal(drawn(again, {}), plain)
        desk, _ = call("align", photograph)
        told = call("use_code", desk, ada_code(tmp_path / "projected_w.npz", w, 14))
        assert told == {"name": "projected_w", "levels": 0}
        with pytest.raises(AppError, match="is a direction; add it to an open face"):
            call("open_file", path)
    finally:
        blocks.close(verbose=False)


# In a browser.


@pytest.mark.browser
@pytest.mark.slow
def test_from_photograph_to_edit_in_a_browser(browser, studio, photograph, tmp_path) -> None:
    store = Store(tmp_path / "shares")
    blocks = create_app(studio, read_controls(), store=store)
    url = serve(blocks, store, studio, prevent_thread_lock=True, quiet=True)
    try:
        visit = Visit(browser, url)
        visit.choose(photograph)
        visit.page.wait_for_selector("#setup:visible")
        assert "Drag a square" in visit.page.text_content("#setup-text")
        box = visit.page.locator("#stage").bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        visit.page.mouse.move(*middle)
        visit.page.mouse.down()
        visit.page.mouse.move(middle[0] + 90, middle[1] + 80, steps=4)
        visit.page.mouse.up()
        visit.page.wait_for_function("document.querySelector('#learn').disabled === false")
        found = [studio.workspaces.get(one) for one in studio.workspaces]
        assert any(desk.faces and isinstance(desk.faces[0], tuple) for desk in found)
        before = visit.shown()
        visit.page.click("#learn")
        visit.until_drawn(before)
        # Learning goes on behind the page, which asks for it every 400 ms.
        end = time.monotonic() + 120
        while any(studio.line.job_of(one) for one in studio.workspaces):
            assert time.monotonic() < end
            visit.page.wait_for_timeout(200)
        visit.page.wait_for_timeout(1500)
        visit.page.wait_for_selector("#still", state="hidden")
        visit.until_drawn()
        assert visit.page.locator(".slider:visible").count() == 10
        shown = visit.pixels()
        assert visit.page.locator("#tab-b-SeFa").get_attribute("aria-selected") == "true"
        slider = visit.page.locator("#in-sefa_1")
        visit.drawn_after(lambda: (slider.focus(), slider.press("End")))
        assert visit.pixels() != shown and visit.amounts() == {"sefa_1": 3}
        # One channel of StyleSpace stands among the text edits, with an amount.
        shown, step = visit.pixels(), torch.zeros(32)
        step[3] = 4
        np.savez(tmp_path / "channel.npz", **{"b32.conv1": step.numpy()})
        visit.page.click("#advanced > summary")
        visit.drawn_after(lambda: pick(visit, "#pick-directions", tmp_path / "channel.npz"))
        entry = visit.page.locator("#entries .row")
        assert entry.is_visible() and "channel" in entry.inner_text()
        once = visit.pixels()
        assert once != shown
        amount = entry.locator("input")
        visit.drawn_after(lambda: (amount.fill("-2"), amount.press("Enter")))
        assert visit.pixels() not in (once, shown)
        visit.drawn_after(lambda: entry.locator("button").click())
        assert visit.pixels() == shown
        # What needs a face is off, and that is said.
        assert "other than faces, so looks, words" in visit.page.inner_text("#off")
        for off in ("#tab-b-text", "#tab-b-looks", "#say", "#keep-row", "#hair-colour"):
            assert not visit.page.locator(off).is_visible()
        visit.page.click("#views label:nth-child(2)")
        visit.until_drawn()
        visit.check()
    finally:
        blocks.close(verbose=False)


def test_a_face_is_not_needed_for_a_whole_photograph(studio, photograph) -> None:
    desk = studio.align(photograph)
    job = studio.personalise(desk.id, "fast")
    assert job.wait(120) and job.error is None
    whole = studio.picture(desk.id, {"sefa_2": 3}, "photograph")
    original = Image.open(photograph)
    assert whole.size == original.size
    changed = np.abs(np.asarray(whole).astype(int) - np.asarray(original)).sum(2)
    assert changed[:, 51:349].any()
    assert job.result["identity_distance"] is None
    assert studio.likeness(desk.id, {}) is None
