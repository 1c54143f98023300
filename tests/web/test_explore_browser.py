"""Many edits on the page: groups, search, the list, likeness, range, animation. A real Chromium
over a small generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from pti_core.editing.controls import controls_of
from pti_core.editing.directions import Direction
from pti_core.models import Toolkit
from pti_core.session.session import Session
from service.studio import Studio
from tests.conftest import make_lively_generator
from tests.helpers.small import SHORT, MiddleFace
from tests.web.test_app_browser import SIZES, Visit, browser  # noqa: F401
from web.serve import create_app, serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def many(directions) -> dict[str, Direction]:
    """Twelve directions in three groups."""
    age, found = directions["age"], {}
    random = torch.Generator().manual_seed(2)
    for group in ("face", "hair", "scene"):
        for label in ("longer", "darker", "redder", "rounder"):
            vector, name = torch.randn(512, generator=random), f"{group}_{label}"
            found[name] = dataclasses.replace(
                age, name=name, label=f"{group} {label}", group=group, vector=vector / vector.norm()
            )
    return found


@pytest.fixture(scope="module")
def url(lpips, many) -> Iterator[str]:
    from checkpoints.factory import load_face_finder, load_identity

    kit = Toolkit(
        generator=make_lively_generator(),
        directions=many,
        lpips=lpips,
        lpips_report=lpips,
        faces=MiddleFace(),  # type: ignore[arg-type]
        identity=load_identity(load_face_finder()),
    )
    studio = Studio(lambda report: kit, {"short": SHORT})
    studio.networks.get()
    blocks = create_app(studio, controls_of(many.values()))
    yield serve(blocks, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


def test_many_edits_are_found_listed_and_shown(browser, url, make_picture, tmp_path: Path):  # noqa: F811
    photograph = tmp_path / "photograph.png"
    make_picture(120, 100).save(photograph)
    visit = Visit(browser, url, "desktop")
    page = visit.page
    page.set_input_files("#photograph input[type=file]", photograph)
    page.click("#start:not([disabled])")
    page.wait_for_selector("#gauge .gauge")

    def seen() -> list[str]:
        found = page.locator(".edit-slider:visible").all()
        return [str(one.get_attribute("id")) for one in found]

    assert len(seen()) == 4 and all("face" in name for name in seen())
    page.click("#finder [data-group='1']")
    assert len(seen()) == 4 and all("hair" in name for name in seen())
    page.fill("#finder input", "dark")
    assert seen() == [f"slider-{group}_darker" for group in ("face", "hair", "scene")]
    page.fill("#finder input", "nose")
    assert seen() == [] and page.locator(".no-match").is_visible()

    page.fill("#finder input", "redder")
    for group in ("scene", "face"):
        slider = page.locator(f"#slider-{group}_redder input[type=range]")
        for _ in range(5):
            slider.press("ArrowRight")
        page.wait_for_selector(f"#stack [data-go={group}_redder]")
    listed = page.locator("#stack [data-go]")
    assert [one.get_attribute("data-go") for one in listed.all()] == ["scene_redder", "face_redder"]
    page.click("#stack [data-act=up][data-name=face_redder]")
    page.wait_for_selector("#stack .edit:first-child [data-go=face_redder]")
    page.click("#stack [data-act=remove][data-name=face_redder]")
    page.wait_for_function("document.querySelectorAll('#stack [data-go]').length === 1")
    assert page.locator("#slider-face_redder input[type=range]").input_value() == "0"
    page.click("#stack [data-go=scene_redder]")
    assert page.locator("#finder input").input_value() == "" and "slider-scene_longer" in seen()

    page.get_by_role("tab", name="Range").click()
    page.wait_for_function("document.querySelectorAll('#strip img').length === 7")
    page.locator("#strip button").last.click()
    page.wait_for_selector("#stack [data-go=face_longer]")
    for width, height in (SIZES["telephone"], SIZES["desktop"]):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(800)
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.get_by_role("tab", name="Animate").click()
    with Image.open(visit.download("#animate", tmp_path)) as image:
        assert image.format == "GIF" and image.n_frames > 2
    page.wait_for_selector("#moving img")
    session = Session.open(visit.download("#save-session", tmp_path))
    assert list(session.edits) == ["scene_redder", "face_longer"]
    visit.check()
    page.close()
