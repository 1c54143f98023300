"""Looking around among the edits: states between, moving files, variations, the list of edits."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from pti_core.editing.animation import between, encode
from pti_core.editing.controls import Control, controls_of
from pti_core.editing.random_edits import random_edits
from pti_core.errors import UserError
from pti_core.models import TuningModels
from service.edit_service import EditService
from service.studio import Studio
from tests.conftest import make_lively_generator
from tests.helpers.small import SHORT, MiddleFace
from web.api.explore import ExploreEndpoints
from web.labels import amount_text
from web.page_text import likeness
from web.serve import create_app, serve

#: The networks that these tests share take seconds to be made.
pytestmark = pytest.mark.slow

CONTROLS = [
    Control("age", "Age", "face", "years", -10.0, 20.0),
    Control("smile", "Smile <b>", "expression", "", -1.0, 1.0),
]


def test_states_between_ease_from_one_end_to_the_other():
    states = between({"age": -10}, {"smile": 1.0}, 5)
    assert states[0] == {"smile": 0, "age": -10} and states[-1] == {"smile": 1, "age": 0}
    smiles = [state["smile"] for state in states]
    assert smiles == sorted(smiles) and smiles[2] == pytest.approx(0.5)
    assert smiles[1] < 0.25  # slower at the ends


def test_edits_in_turn_follow_the_order_of_the_list():
    states = between({}, {"smile": 1.0, "age": 8.0}, 9, in_turn=True)
    assert states[4] == {"smile": 1, "age": 0}
    assert states[0] == {"smile": 0, "age": 0} and states[-1] == {"smile": 1, "age": 8}


@pytest.mark.parametrize("frames", [1, 1000, True, 2.5])
def test_a_number_of_frames_that_cannot_be(frames):
    with pytest.raises(UserError, match="frames"):
        between({}, {"age": 1}, frames)


def pictures() -> list[Image.Image]:
    return [Image.new("RGB", (64, 47), (red, 80, 120)) for red in (0, 90, 180, 250)]


def test_a_gif_runs_there_and_back_and_says_that_it_is_edited():
    data = encode(pictures(), "gif")
    assert b"XMP DataXMP<?xpacket" in data and DIGITAL_SOURCE_TYPE.encode() in data
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["loop"] == 0
        reds, lasts = [], 0
        for frame in range(image.n_frames):
            image.seek(frame)
            reds.append(image.convert("RGB").getpixel((9, 9))[0])
            lasts += image.info["duration"]
    assert max(reds) > 240 and reds[0] < 10 and reds[-1] < 10
    assert lasts > 1000 and len(set(reds)) == 4


def test_an_mp4_can_be_read_and_says_that_it_is_edited(tmp_path):
    path = tmp_path / "moving.mp4"
    path.write_bytes(encode(pictures(), "mp4"))
    assert DIGITAL_SOURCE_TYPE.encode() in path.read_bytes()
    video, reds = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        reds.append(int(read[1][9, 9, 2]))
    assert read[1] is None and len(reds) == 18
    assert max(reds) > 235 and reds[0] < 20 and reds[-1] < 20


def test_variations_stay_within_ranges_and_come_again():
    ranges = {name: (-float(i), 2.0 * i) for i, name in enumerate("abcdefgh", 1)}
    found = [random_edits(ranges, seed) for seed in range(40)]
    assert found == [random_edits(dict(reversed(ranges.items())), seed) for seed in range(40)]
    assert len({tuple(edits) for edits in found}) > 10
    for edits in found:
        assert 1 <= len(edits) <= 3
        assert all(ranges[n][0] <= amount <= ranges[n][1] and amount for n, amount in edits.items())


def test_an_amount_as_people_read_it():
    age, smile = CONTROLS
    assert amount_text(age, -3.0) == "−3 years" and amount_text(smile, 0.5) == "+50%"


# ------------------------------------------------------------------- through the real client


@pytest.fixture(scope="module")
def studio(lpips, directions) -> Studio:
    from checkpoints.network_loaders import load_face_finder, load_identity

    models = TuningModels(
        generator=make_lively_generator(),
        directions=directions,
        lpips=lpips,
        lpips_report=lpips,
        faces=MiddleFace(),
        identity=load_identity(load_face_finder()),
    )
    made = Studio(lambda report: models, {"short": SHORT})
    made.networks.get()
    return made


@pytest.fixture(scope="module")
def client(studio, directions) -> Iterator[Client]:
    blocks = create_app(studio, controls_of(directions.values()))
    yield Client(serve(blocks, prevent_thread_lock=True, quiet=True), verbose=False)
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def desk(client, make_picture, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("looking") / "photograph.png"
    make_picture(120, 100).save(path)
    desk, _ = client.predict(handle_file(path), api_name="/align")
    client.predict(desk, "short", api_name="/personalise")
    return desk


def test_an_animation_that_is_cancelled_while_it_waits_renders_nothing(studio, desk, monkeypatch):
    rendered: list[float] = []
    monkeypatch.setattr(EditService, "_rendered", lambda *_: rendered.append(1.0))

    async def cancelled() -> None:
        endpoints = ExploreEndpoints(studio)
        making = asyncio.create_task(endpoints.animate(desk, {}, {"age": 5}, 4, "gif", "face"))
        await asyncio.sleep(0.3)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making

    def edit() -> None:
        with studio.rendering():
            pass

    with studio.rendering():
        waiting = threading.Thread(target=edit)
        waiting.start()
        asyncio.run(cancelled())  # ends with its threads
    waiting.join(30)
    assert not rendered


def test_likeness_grows_worse_with_the_edits(client, desk):
    plain = client.predict(desk, {}, api_name="/likeness")
    far = client.predict(desk, {"age": 20, "smile": 2}, api_name="/likeness")
    assert plain["same_person"] == 0.6 and plain["network"].startswith("dlib")
    assert plain["distance"] != far["distance"]
    assert client.predict(desk, {}, api_name="/likeness") == plain


def test_the_likeness_says_where_another_person_begins():
    from service.studio import Likeness

    told = [likeness(Likeness(d, 0.6, "dlib")) for d in (0.0, 0.2, 0.5, 0.7, 2.0)]
    assert [one["state"] for one in told] == ["same", "same", "near", "other", "other"]
    shares = [one["share"] for one in told]  # the meter is full where the likeness is
    assert shares[0] == 1 and shares[-1] == 0 and shares == sorted(shares, reverse=True)


def test_a_strip_spans_the_range(client, desk, studio):
    strip = client.predict(desk, {"smile": 1}, "age", api_name="/strip")
    amounts = [float(item["caption"]) for item in strip]
    low, high = studio.ranges(desk)["age"]
    assert amounts[0] == low and amounts[-1] == high and amounts == sorted(amounts)
    ends = [np.asarray(Image.open(strip[i]["image"])).astype(int) for i in (0, -1)]
    assert np.abs(ends[0] - ends[1]).max() > 10
    marked = [DIGITAL_SOURCE_TYPE.encode() in Path(one["image"]).read_bytes() for one in strip]
    assert marked == [True] * len(strip)


def test_an_animation_and_a_variation(client, desk):
    edits = client.predict(desk, 3, api_name="/variation")
    assert edits == client.predict(desk, 3, api_name="/variation") and edits
    path = client.predict(desk, {}, edits, 6, "gif", "photograph", api_name="/animate")
    with Image.open(path) as image:
        assert image.size == (120, 100) and image.n_frames >= 3
    for wrong in (
        ({}, {"age": 1e6}, 6, "gif"),
        ({}, edits, 1, "gif"),
        ({"age": "old"}, edits, 6, "gif"),
    ):
        with pytest.raises(AppError, match=r"[.]$"):
            client.predict(desk, *wrong, "face", api_name="/animate")
    assert Path(path).read_bytes().startswith(b"GIF89a")
