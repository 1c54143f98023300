"""One walk through every function of the page; the browser's console stays clean."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from checkpoints.factory import load_face_parser
from pti_core.editing.hair_color import SLIDERS
from pti_core.models import Toolkit
from service.studio import Studio
from tests.conftest import make_lively_generator
from tests.helpers.small import SHORT
from tests.helpers.two_faces import TwoFaces
from tests.helpers.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page_studio(lpips, many) -> Studio:
    """With the face parser, so that hair takes any colour and the background can stay."""
    age = many["age"]
    random = torch.Generator().manual_seed(3)
    found = dict(many)
    for name in SLIDERS:  # what a hair colour is made of
        vector = torch.randn(512, generator=random)
        found[name] = replace(
            age, name=name, label=name, group="hair", vector=vector / vector.norm()
        )
    kit = Toolkit(
        generator=make_lively_generator(),
        directions=found,
        lpips=lpips,
        lpips_report=lpips,
        faces=TwoFaces(),  # type: ignore[arg-type]
        parser=load_face_parser(),
    )
    studio = Studio(lambda report: kit, {"fast": SHORT})
    studio.networks.get()
    return studio


def slide(visit: Visit, name: str, key: str) -> None:
    def press() -> None:
        visit.page.locator(f"#in-{name}").focus()
        visit.page.keyboard.press(key)

    visit.drawn_after(press)


def edit(visit: Visit) -> None:
    """Every group of sliders, looks, chance, hair colour, words, and the history of it all."""
    page = visit.page
    visit.tab("looks")
    visit.drawn_after(lambda: page.click("#surprise"))
    for tab in page.locator("#tabs [role=tab]").all():
        tab.click()
        assert visit.stage_is_in_view()
        names = [row.get_attribute("data-name") for row in page.locator(".slider:visible").all()]
        for name in names[:1]:
            slide(visit, str(name), "PageDown" if visit.amounts().get(str(name)) else "PageUp")
            assert visit.stage_is_in_view()
    visit.tab("Hair")
    visit.drawn_after(lambda: page.click("[aria-label='Pink hair']"))
    page.locator("#hair-colour").get_by_label("Eyebrows too").check()
    visit.drawn_after(lambda: page.click("#hair-colour >> text=None"))
    visit.tab("text")
    visit.drawn_after(lambda: page.click("#sentences button >> nth=0"))
    page.fill("#prompt", "riding a horse")
    page.click("#do-it")
    page.wait_for_function("document.querySelector('#heard').textContent.includes('not')")
    steps = page.locator("#history button").count()
    assert steps >= 6
    visit.drawn_after(lambda: page.click("#undo"))
    visit.drawn_after(lambda: page.click("#redo"))
    visit.drawn_after(lambda: page.click("#history button >> nth=0"))
    assert visit.amounts() == {} and page.locator("#history button").count() == steps
    visit.drawn_after(lambda: page.click(f"#history button >> nth={steps - 1}"))
    chips = page.locator("#chips .x").count()
    visit.drawn_after(lambda: page.click("#chips .x >> nth=0"))
    assert page.locator("#chips .x").count() == chips - 1


def look(visit: Visit) -> None:
    """Everything that the stage does."""
    page = visit.page
    page.locator("#hold").hover()
    page.mouse.down()
    page.wait_for_selector("#stage.holding")
    page.mouse.up()
    page.click("#split")
    page.click("#split")
    page.click("#real")
    page.wait_for_selector("#stage.zoomed")
    page.click("#real")
    page.keyboard.down("Control")
    page.mouse.move(500, 400)
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_selector("#stage.zoomed")
    assert page.evaluate("scrollY") == 0
    page.click("#real")
    page.click("#full")
    page.wait_for_function("document.fullscreenElement")
    page.evaluate("document.exitFullscreen()")
    visit.drawn_after(lambda: page.click("#views >> text=Whole photo"))
    visit.drawn_after(lambda: page.click("#views >> text=Face"))


def take_along(visit: Visit, folder: Path) -> Path:
    """Pictures in every format, an animation, a link with its name, the session file."""
    page = visit.page
    for form, kind in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")):
        page.click("#save")
        page.select_option("#save-format", form)
        page.check("#mark")
        with page.expect_download() as waiting:
            page.click("#save-picture")
        assert waiting.value.suggested_filename == f"Two-friends-edited.{form}"
        waiting.value.save_as(folder / f"picture.{form}")
        with Image.open(folder / f"picture.{form}") as image:
            assert image.format == kind and min(image.size) == 64
    page.click("#animate > summary")
    page.fill("#animate-frames", "6")
    page.click("#make-animation")
    with page.expect_download() as waiting:
        page.click("#animation a")
    waiting.value.save_as(folder / "moving.gif")
    with Image.open(io.BytesIO((folder / "moving.gif").read_bytes())) as image:
        assert image.is_animated
    page.click("#share")
    page.click("#make-link")
    page.wait_for_function("document.querySelector('#link-said').textContent")
    page.fill(".share input", "For Ann")
    page.keyboard.press("Tab")
    page.click(".share .danger")
    page.click("#ask-buttons .danger")
    page.wait_for_selector("#shares .hint")
    page.click("#share-dialog [data-close]")
    page.click("#advanced > summary")
    page.select_option("#across", "age")
    page.click("#draw-across")
    page.wait_for_function("document.querySelectorAll('#strip img').length === 7")
    visit.drawn_after(lambda: page.uncheck("#keep-background"))
    with page.expect_download() as waiting:
        page.click("#save-session")
    waiting.value.save_as(folder / "walk.safetensors")
    return folder / "walk.safetensors"


@pytest.mark.parametrize("device", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_says_what_cannot_be_used(browser, page_url, device, scheme, tmp_path):
    visit = Visit(browser, page_url, device)
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    page.click("#use-camera")
    page.wait_for_function("document.querySelector('#camera-said').textContent")
    assert "Choose a photo" in page.inner_text("#camera-said") and page.is_disabled("#shoot")
    page.click("#camera-dialog [data-close]")
    Image.new("RGB", (90, 90)).save(tmp_path / "blank.png")
    visit.choose(tmp_path / "blank.png")
    page.wait_for_function("document.querySelector('#photo-note').textContent")
    visit.check()
    visit.context.close()


def test_a_walk_through_all_functions_leaves_the_console_clean(visit, group_photograph, tmp_path):
    page = visit.page
    edit(visit)
    look(visit)
    file = take_along(visit, tmp_path)

    amounts = visit.amounts()
    page.click("#improve")
    page.wait_for_selector("#toasts >> text=is improved")
    assert visit.amounts() == amounts

    page.set_input_files("#file-people", group_photograph)
    page.click("#ask-buttons .main")
    page.wait_for_selector("#setup")
    page.click("#learn:not([disabled])")
    page.wait_for_selector("#controls", state="visible")
    visit.until_drawn()
    assert page.locator("#faces button").count() == 2
    visit.drawn_after(lambda: page.click("#faces button >> nth=1"))
    assert page.locator("#faces button >> nth=1").get_attribute("aria-pressed") == "true"

    page.click("#forget")
    page.click("#ask-buttons .danger")
    page.wait_for_selector("#drop", state="visible")
    page.set_input_files("#file-session", file)
    page.wait_for_selector("#controls", state="visible")
    visit.until_drawn()
    assert visit.amounts() == amounts
    visit.check()
