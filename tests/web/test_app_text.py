"""The Text tab's endpoints, over a small generator: prompts read and done, by programs."""

from __future__ import annotations

import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

from service.text_service import TextService
from tests.web.test_app import client, desk, edited, photograph, studio, url  # noqa: F401  (fixtures)


def shown(answer) -> np.ndarray:
    return np.asarray(Image.open(answer)).astype(int)


def test_a_prompt_is_read_without_doing_anything(client, desk):  # noqa: F811
    found = client.predict("5 years older and smiling", desk, api_name="/understand")
    parts = {part["name"]: part for part in found["parts"]}
    assert parts["age"]["amount"] == 5 and parts["smile"]["way"] == "attributes"
    assert found["rest"] == "" and found["seconds"] > 0
    nothing = client.predict("make him fly", "", api_name="/understand")
    assert nothing["parts"] == [] and "fly" in nothing["rest"]


def test_a_prompt_does_what_the_sliders_do(client, desk):  # noqa: F811
    picture, answer = client.predict(desk, "5 years older", api_name="/edit_text")
    assert answer["edits"] == {"age": 5} and answer["stack"] == []
    assert np.array_equal(shown(picture), edited(client, desk, {"age": 5}))
    # On top of other edits, half as strong, and what is not understood is named.
    picture, answer = client.predict(
        desk, "smiling, with a hat", "auto", 0.5, {"age": 5}, api_name="/edit_text"
    )
    assert answer["edits"]["age"] == 5 and 0 < answer["edits"]["smile"] < 1
    assert "hat" in answer["rest"]


def test_what_is_not_understood_is_an_error_and_changes_nothing(client, desk):  # noqa: F811
    before = edited(client, desk, {})
    with pytest.raises(AppError, match="fly"):
        client.predict(desk, "make him fly", api_name="/edit_text")
    with pytest.raises(AppError, match="not built"):
        client.predict(desk, "a red face", "global", api_name="/edit_text")
    assert np.array_equal(edited(client, desk, {}), before)


def test_a_mapper_from_the_hubs_cache_edits_through_the_page_and_becomes_an_entry(
    client,  # noqa: F811
    desk,  # noqa: F811
    studio,  # noqa: F811
    afro,
    tmp_path,
    monkeypatch,
):
    before = edited(client, desk, {})
    # The small generator takes eight codes and says that a mapper is none for it.
    with pytest.raises(AppError, match="18 codes"):
        client.predict(desk, "afro", api_name="/edit_text")
    monkeypatch.setattr(studio.edit_models(desk).generator, "num_ws", 18)
    picture, answer = client.predict(desk, "afro", api_name="/edit_text")
    assert answer["stack"] == [{"label": "afro", "amount": 1.0}]
    assert np.abs(shown(picture) - before).mean() > 0.1  # the small one is nearly grey
    assert not list((tmp_path / "cache").rglob("*.pt"))  # used where the Hub's client has it
    texts = TextService(studio, [])
    texts.set_amount(desk, 0, 0.5)
    assert texts.stack(desk) == [("afro", 0.5)]
    texts.set_amount(desk, 0, None)
    assert texts.stack(desk) == []
