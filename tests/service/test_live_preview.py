"""Pictures while a slider moves: how near they are to the full ones, and the road they take."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from pti_core.editing.edit_state import EditState
from pti_core.editing.hair_color import HairColor
from pti_core.faces.align import Alignment
from pti_core.faces.images import to_image
from pti_core.generators.base import Generator
from pti_core.generators.stylegan2 import Mapping as MappingNetwork
from pti_core.generators.stylegan2 import StyleGAN2, StyleGAN2Config, Synthesis
from pti_core.inversion.paper_tuning import TunedDelta
from pti_core.models import EditModels, TuningModels
from pti_core.session.person import PersonState, encode_crop, encode_photograph
from pti_core.session.session import Session
from service.live_preview import SIDE, Previewer, _nearness
from service.studio import Studio
from service.workspaces import Shown, Workspace
from tests.conftest import make_lively_generator
from tests.pti_core.session.test_session import PHOTO, QUAD
from web.middleware.live_preview import MAX_BODY, MAX_RESTING, PATH, LivePreviews


def session_of(generator: Generator, make_picture: Callable[..., Image.Image], seed=3) -> bytes:
    """A session of a random face, as a file."""
    w = generator.sample_w(1, seed)
    w = generator.w_avg + 0.7 * (w - generator.w_avg)
    return Session(
        generator_name=generator.name,
        fingerprint=generator.fingerprint,
        people=[
            PersonState(
                encode_photograph(make_picture(*PHOTO)),
                encode_crop(to_image(generator.render(w))),
                Alignment(QUAD, PHOTO),
                w[0],
            )
        ],
        delta=TunedDelta({}),
    ).to_bytes()


def studio_of(models: EditModels, lpips) -> Studio:
    parts = {"lpips": lpips, "lpips_report": lpips, "faces": None}
    made = Studio(
        lambda report: TuningModels(
            generator=models.generator, directions=models.directions, **parts
        )
    )
    made.networks.get()
    return made


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


def full(studio: Studio, workspace: str, edits: dict[str, float]) -> np.ndarray:
    """The full picture of another desk's worth: it is not shown, so previews do not start there."""
    (picture,) = studio.frames(workspace, [edits])
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX)).astype(float)


def until(there: Callable[[], object]) -> None:
    for _ in range(1200):
        if there():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about within a minute")


def error(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square, in levels of 255."""
    return float(np.sqrt(np.square(a - b).mean()))


def check_a_drag(
    studio: Studio, workspace_id: str, name: str, amount: float, alone: float, helped: float
) -> None:
    """Previews start at the picture shown, follow the edit, and are right where it ends.

    alone, helped: share of the change that they may miss halfway, by the head alone and with what
    was rendered ahead. Without the JPEG files: of what random networks draw they keep little.
    """
    previewer, models, workspace = (
        Previewer(),
        studio.edit_models(workspace_id),
        studio.workspaces.get(workspace_id),
    )

    def preview(edits: dict[str, float]) -> np.ndarray:
        picture = previewer.picture(workspace, models, edits)
        assert picture is not None and picture.size == (SIDE, SIDE)
        return np.asarray(picture).astype(float)

    studio.picture(workspace_id, {})
    previewer.prepare(workspace, models)
    until(lambda: workspace.renders.ground)
    still, middle = full(studio, workspace_id, {}), full(studio, workspace_id, {name: amount / 2})
    assert error(preview({}), still) < 1
    moved = error(middle, still)
    assert moved > 2
    assert error(preview({name: amount / 2}), middle) < alone * moved
    assert not workspace.renders.end.rendering  # it may be a look's picture, which moves nothing
    preview({name: amount / 2})
    until(lambda: workspace.renders.end.missed is not None)
    assert error(preview({name: amount / 2}), middle) < helped * moved
    assert error(preview({name: amount}), full(studio, workspace_id, {name: amount})) < 2


@pytest.fixture(scope="module")
def models(directions) -> EditModels:
    generator = make_lively_generator(channels=64, side=512)
    for name, noise in generator.synthesis.named_buffers():
        if name.endswith("noise"):
            noise.zero_()  # which JPEG files show badly
    picture = generator.render(generator.w_avg[None])
    generator.synthesis.head.weight.mul_(0.4 / picture.std())
    return EditModels(generator=generator, directions=directions)


@pytest.fixture(scope="module")
def studio(models, lpips) -> Studio:
    return studio_of(models, lpips)


@pytest.fixture(scope="module")
def workspace(studio, models, make_picture) -> str:
    return studio.open(session_of(models.generator, make_picture)).id


def test_a_preview_starts_at_the_picture_that_differs_least():
    amounts = ({}, {"age": 5.0, "glasses": 0.8}, {"smile": 0.4}, {"hair_red": 0.9})
    shown = [Shown(EditState(one), Image.new("RGB", (1, 1))) for one in amounts]

    def start(**edits: float) -> Mapping[str, float]:
        return max(reversed(shown), key=lambda one: _nearness(one, EditState(edits))).state.amounts

    assert start() == {} and start(age=1.0) == {}
    assert start(age=1.0, glasses=0.8) == {"age": 5.0, "glasses": 0.8}
    assert start(smile=0.5) == {"smile": 0.4}
    # What only the base generator adds is not seen in the features: it decides.
    assert start(smile=0.4, hair_red=0.9) == {"hair_red": 0.9}
    shown.append(Shown(EditState({"glasses": 0.8}), shown[0].face))
    assert start(glasses=0.05) == {} and start(glasses=0.7) == {"glasses": 0.8}
    dyed = Shown(EditState({"smile": 0.5}, hair_color=HairColor("#ff0000")), shown[0].face)
    shown.append(dyed)
    assert start(smile=0.5) == {"smile": 0.4}


def test_a_preview_begins_at_the_photograph_though_another_picture_came_last(studio, workspace):
    """The page shows pictures that it has without asking: the photograph, those of an undo."""
    previewer, models = Previewer(), studio.edit_models(workspace)
    held = studio.workspaces.get(workspace)
    studio.picture(workspace, {})
    previewer.prepare(held, models)
    until(lambda: held.renders.ground)
    still = full(studio, workspace, {})
    studio.picture(workspace, {"age": 20.0})
    picture = previewer.picture(held, models, {})
    assert picture is not None and error(np.asarray(picture).astype(float), still) < 0.6


@pytest.mark.slow
def test_previews_are_near_the_full_pictures(studio, models, make_picture):
    workspace = studio.open(session_of(models.generator, make_picture)).id
    end = studio.ranges(workspace)["age"][1]
    # What edits do to a random network they mostly do behind its middle.
    check_a_drag(studio, workspace, "age", end, alone=0.95, helped=0.8)
    # From another full picture on.
    start = {"age": -6.0}
    studio.picture(workspace, start)
    found = Previewer().picture(studio.workspaces.get(workspace), models, start)
    assert error(np.asarray(found).astype(float), full(studio, workspace, start)) < 1


def test_a_draft_that_nobody_edits_is_not_prepared(studio, models, make_picture):
    """Between the first and the last it takes the processor from what is learned."""
    workspace = studio.open(session_of(models.generator, make_picture))
    other = studio.open(session_of(models.generator, make_picture))
    previewer, done = Previewer(), []
    workspace.renders.on_demand = True

    def prepare(one: Workspace) -> None:
        previewer.prepare(one, models, first=done.append)

    studio.picture(workspace.id, {})
    prepare(workspace)
    prepare(other)
    until(lambda: done)  # one after the other: the first one is over
    assert done == [other]
    assert not workspace.renders.has_previews and not workspace.renders.head_begun
    studio.picture(workspace.id, {"age": 5})
    prepare(workspace)
    until(lambda: workspace.renders.has_previews)
    assert done == [other, workspace]


def test_previews_of_the_photograph_show_the_edit(studio, workspace):
    studio.screen(workspace, {})
    until(lambda: studio.workspaces.get(workspace).renders.ground)
    plain, edited = (
        opened(studio.preview(workspace, e, "photograph")) for e in ({}, {"age": 20.0})
    )
    assert plain.shape == (PHOTO[1], PHOTO[0], 3) and error(plain, edited) > 1


@pytest.mark.parametrize("view", ["face", "photograph"])
def test_a_quick_preview_says_that_it_is_edited(studio, workspace, view):
    studio.screen(workspace, {})
    until(lambda: studio.workspaces.get(workspace).renders.ground)
    assert DIGITAL_SOURCE_TYPE.encode() in studio.preview(workspace, {"age": 5.0}, view)


def test_a_network_without_a_middle_shows_its_full_picture(
    generator, directions, lpips, make_picture
):
    studio = studio_of(EditModels(generator=generator, directions=directions), lpips)
    workspace = studio.open(session_of(generator, make_picture)).id
    studio.screen(workspace, {})
    preview = opened(studio.preview(workspace, {"age": 5.0}))
    wanted = np.asarray(studio.picture(workspace, {"age": 5.0})).astype(float)
    assert preview.shape == wanted.shape and error(preview, wanted) < 12  # JPEG


@pytest.mark.slow
def test_stylegan2_has_a_middle_that_a_head_reads(directions, lpips, make_picture):
    config = StyleGAN2Config(channels=(16,) * 8)
    parts = {"mapping": MappingNetwork(config), "synthesis": Synthesis(config)}
    random, weights = torch.Generator().manual_seed(0), {}
    for part, network in parts.items():
        for name, tensor in network.state_dict().items():
            if name.endswith("affine.bias"):
                weights[f"{part}.{name}"] = torch.ones(tensor.shape)
            elif name.endswith(("bias", "strength")):
                weights[f"{part}.{name}"] = torch.zeros(tensor.shape)
            else:
                scale = 100 if part == "mapping" else 1  # its rate's multiplier
                weights[f"{part}.{name}"] = scale * torch.randn(tensor.shape, generator=random)
    generator = StyleGAN2(config, weights, name="stylegan2-ffhq", fingerprint="0" * 64)
    maps = generator.middle(generator.sample_w(1, seed=1))
    assert maps is not None and maps.shape == (1, 16, 128, 128)
    studio = studio_of(EditModels(generator=generator, directions=directions), lpips)
    workspace = studio.open(session_of(generator, make_picture)).id
    check_a_drag(studio, workspace, "age", 20.0, alone=0.9, helped=0.9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_the_real_generator_on_faces_it_never_saw(seed, lpips, make_picture):
    from checkpoints.network_loaders import load_edit_models

    models = load_edit_models("mobile")
    studio = studio_of(models, lpips)
    workspace = studio.open(session_of(models.generator, make_picture, seed)).id
    check_a_drag(
        studio, workspace, "smile", studio.ranges(workspace)["smile"][1], alone=0.75, helped=0.5
    )
    check_a_drag(
        studio, workspace, "glasses", studio.ranges(workspace)["glasses"][1], alone=0.75, helped=0.5
    )


# ---------------------------------------------------------------------------------------- the road


@pytest.fixture(scope="module")
def road(studio) -> TestClient:
    return TestClient(LivePreviews(PlainTextResponse("the page's"), studio))


def test_a_picture_comes_straight_back(road, studio, workspace):
    told = {"desk": workspace, "edits": {"age": 5}, "view": "face"}
    answer = road.post(PATH, json=told)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"
    assert opened(answer.content).shape[2] == 3
    # Behind a proxy that serves it from a folder.
    other = TestClient(LivePreviews(PlainTextResponse("the page's"), studio), root_path="/space")
    assert other.post("/space" + PATH, json=told).headers["content-type"] == "image/jpeg"


def test_the_picture_of_a_slider_at_rest_comes_in_full(road, studio, workspace):
    told = {"desk": workspace, "edits": {"age": 4}, "view": "face"}
    answer = road.post(PATH, json={**told, "full": True})
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == studio.screen(workspace, {"age": 4})[1]
    assert len(road.post(PATH, json=told).content) < len(answer.content)
    assert road.post(PATH, json={**told, "edits": {"age": 1000}, "full": True}).status_code == 400


def test_full_pictures_that_wait_do_not_hold_up_previews(studio, workspace, monkeypatch):
    road = LivePreviews(PlainTextResponse("the page's"), studio)
    inside, go_on, screen = threading.Semaphore(0), threading.Event(), studio.screen
    monkeypatch.setattr(
        studio, "screen", lambda *told: (inside.release(), go_on.wait(20), screen(*told))[-1]
    )
    told = {"desk": workspace, "edits": {"age": 3}, "view": "face"}

    def status(full: bool) -> int:
        return TestClient(road).post(PATH, json={**told, "full": full}).status_code

    with ThreadPoolExecutor(MAX_RESTING) as pool:
        waiting = [pool.submit(status, True) for _ in range(MAX_RESTING)]
        assert all(inside.acquire(timeout=20) for _ in waiting)
        assert (status(True), status(False)) == (503, 200)
        go_on.set()
        assert [one.result(20) for one in waiting] == [200] * MAX_RESTING
    assert status(True) == 200


def test_everything_else_is_the_pages(road):
    assert road.get(PATH).text == road.post("/other").text == "the page's"


@pytest.mark.parametrize(
    "change",
    [
        {"desk": "somebody-elses"},
        {"desk": None},
        {"desk": ["a"]},
        {"edits": None},
        {"edits": [1]},
        {"edits": {"age": 1000}},
        {"edits": {"age": "old"}},
        {"edits": {"age": None}},
        {"edits": {"age": {}}},
        {"edits": {"age": 10**400}},
        {"hair": {"colour": "#ff69b4", "amount": 10**400}},
        {"edits": {"nose": 1}},
        {"edits": {f"e{i}": 1 for i in range(1001)}},
        {"view": "../etc"},
        {"view": 3},
    ],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(road, workspace, change):
    answer = road.post(PATH, json={"desk": workspace, "edits": {}, "view": "face", **change})
    assert answer.status_code == 400 and answer.headers["content-type"].startswith("text/plain")
    assert len(answer.text) < 1000 and answer.text.endswith(".")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'{"edits": NaN}', b"[" * 60_000, b" " * (MAX_BODY + 1)]
)
def test_what_is_no_request_is_refused(road, body):
    assert road.post(PATH, content=body).status_code == 400


def test_amounts_that_are_no_numbers_are_refused(road, workspace):
    body = f'{{"desk": "{workspace}", "view": "face", "edits": {{"age": NaN}}}}'
    assert road.post(PATH, content=body).status_code == 400


def test_a_session_file_on_the_workspace_is_needed(road, studio, tmp_path: Path):
    empty = studio.workspaces.new()
    answer = road.post(PATH, json={"desk": empty.id, "edits": {}, "view": "face"})
    assert answer.status_code == 400 and "nothing to edit yet" in answer.text
