"""One walk through every function of the page; the browser's console stays clean."""

from __future__ import annotations

import dataclasses
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from checkpoints.network_loaders import load_face_parser
from pti_core.models import TuningModels
from tests.helpers.field_files import boundary
from tests.helpers.visit import PATIENCE, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page_models(page_models) -> TuningModels:
    """With the face parser, so that hair takes any colour and the background can stay."""
    return dataclasses.replace(page_models, parser=load_face_parser())


@pytest.fixture(params=["desktop", "phone"])
def walk(request, browser, page_url, group_photograph) -> Iterator[Visit]:
    """A visitor on one of the devices, who had the right one of two faces learned."""
    found = Visit(browser, page_url, request.param)
    found.choose(group_photograph)
    page = found.page
    page.click("#boxes button[aria-pressed=false]")
    page.wait_for_selector("#boxes button:last-child[aria-pressed=true]")
    learn(found)
    yield found
    found.context.close()


def until(true: Callable[[], bool], seconds: float = PATIENCE / 1000) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


def workspace_of(visit: Visit) -> str:
    """The workspace that the tab shows."""
    return str(visit.page.evaluate("JSON.parse(sessionStorage.getItem('pti-tab')).desk"))


def learn(visit: Visit) -> None:
    visit.page.click("#learn:not([disabled])")
    visit.page.wait_for_selector("#controls", state="visible")
    visit.until_drawn()


def slide(visit: Visit, name: str, key: str) -> None:
    def press() -> None:
        visit.page.locator(f"#in-{name}").focus()
        visit.page.keyboard.press(key)

    visit.drawn_after(press)


def edit(visit: Visit) -> None:
    """Every group of sliders, looks, chance, hair colour, and words."""
    page = visit.page
    visit.tab("looks")
    looks = page.locator("#looks button")
    younger, smiling = (looks.filter(has_text=name) for name in ("younger", "Big smile"))
    visit.drawn_after(younger.click)
    visit.drawn_after(smiling.click)  # they add up
    assert visit.amounts().keys() == {"age", "smile"}
    assert page.locator("#looks [aria-pressed=true]").count() == 2
    visit.drawn_after(smiling.click)  # pressed again it goes
    assert visit.amounts().keys() == {"age"}
    visit.drawn_after(lambda: page.click("#surprise"))
    for tab in page.locator("#tabs [role=tab]").all():
        tab.click()
        assert visit.stage_is_in_view()
        names = [row.get_attribute("data-name") for row in page.locator(".slider:visible").all()]
        for name in names:  # the stage stays where a slider of any place in the list is moved
            page.locator(f"#in-{name}").focus()
            assert visit.stage_is_in_view(), name
        for name in names[:1]:
            slide(visit, str(name), "PageDown" if visit.amounts().get(str(name)) else "PageUp")
            assert visit.stage_is_in_view()
    visit.tab("Hair")
    visit.drawn_after(lambda: page.click("[aria-label='Pink hair']"))
    page.locator("#hair-colour").get_by_label("Eyebrows too").check()
    visit.drawn_after(lambda: page.click("#hair-colour >> text=None"))
    for text in ("purple", "hair colour", "pink hair"):
        page.fill("#search", text)
        page.wait_for_selector("#hair-colour [aria-label='Purple hair']", state="visible")
    page.fill("#search", "xylophone")
    page.wait_for_selector("#hair-colour", state="hidden")
    page.fill("#search", "wrinkles")
    slide(visit, "age", "End")
    page.fill("#search", "")
    visit.tab("text")
    visit.drawn_after(lambda: page.click("#sentences button >> nth=0"))
    page.click("#in-words")
    page.wait_for_function("document.querySelector('#prompt').value")
    page.fill("#prompt", "riding a horse")
    page.click("#do-it")
    page.wait_for_selector("#do-it:not([disabled])")  # else it comes behind the next step
    page.wait_for_function("document.querySelector('#heard').textContent.includes('not')")


def go_back(visit: Visit) -> None:
    """Undo, Redo, the thumbnails of the history, one edit taken away, Reset."""
    page = visit.page
    steps = page.locator("#history button").count()
    assert steps >= 6
    visit.drawn_after(lambda: page.click("#undo"))
    visit.drawn_after(lambda: page.click("#redo"))
    if page.locator("#history").is_visible():
        visit.drawn_after(lambda: page.click("#history button >> nth=0"))
        assert visit.amounts() == {} and page.locator("#history button").count() == steps
        visit.drawn_after(lambda: page.click(f"#history button >> nth={steps - 1}"))
    chips = page.locator("#chips .x").count()
    visit.drawn_after(lambda: page.click("#chips .x >> nth=0"))
    assert page.locator("#chips .x").count() == chips - 1
    visit.drawn_after(lambda: page.click("#reset"))
    assert visit.amounts() == {}
    visit.drawn_after(lambda: page.click("#undo"))


def use_stage(visit: Visit) -> None:
    """Everything that the stage does."""
    page = visit.page
    page.locator("#hold").dispatch_event("pointerdown")
    page.wait_for_selector("#stage.holding")
    page.locator("#hold").dispatch_event("pointerup")
    page.wait_for_selector("#stage:not(.holding)")
    page.click("#split")
    page.wait_for_selector("#split-line", state="visible")
    page.click("#split")
    box, scrolled = page.locator("#stage").bounding_box(), page.evaluate("scrollY")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_selector("#stage.zoomed")
    assert page.evaluate("scrollY") == scrolled
    page.locator("#stage").dblclick()
    page.wait_for_selector("#stage:not(.zoomed)")
    if page.locator("#real").is_visible():
        page.click("#real")
        page.wait_for_selector("#stage.zoomed")
        page.click("#real")
        page.click("#full")
        page.wait_for_function("document.fullscreenElement")
        page.evaluate("document.exitFullscreen()")
    visit.drawn_after(lambda: page.check("#views [value=photograph]", force=True))
    visit.drawn_after(lambda: page.check("#views [value=face]", force=True))


def save_pictures(visit: Visit, folder: Path) -> None:
    """The face and the whole photograph, in every format."""
    page = visit.page
    for view, side in (("face", 64), ("photograph", 110)):
        for form, kind in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")):
            page.click("#save" if page.locator("#save").is_visible() else "[data-part=save]")
            page.check(f"[name=save-view][value={view}]")
            page.select_option("#save-format", form)
            page.check("#mark")
            with page.expect_download() as waiting:
                page.click("#save-picture")
            assert waiting.value.suggested_filename == f"Two-friends-edited.{form}"
            waiting.value.save_as(folder / f"{view}.{form}")
            with Image.open(folder / f"{view}.{form}") as image:
                assert image.format == kind and min(image.size) == side


def animate(visit: Visit, folder: Path) -> None:
    page = visit.page
    page.click("#animate > summary")
    page.fill("#animate-frames", "6")
    for form in ("gif", "mp4"):
        page.select_option("#animate-format", form)
        page.click("#make-animation")
        with page.expect_download() as waiting:
            page.click(f"#animation a[download$='.{form}']")
        waiting.value.save_as(folder / f"moving.{form}")
    with Image.open(io.BytesIO((folder / "moving.gif").read_bytes())) as image:
        assert image.is_animated
    assert b"ftyp" in (folder / "moving.mp4").read_bytes()[:16]


def share(visit: Visit) -> None:
    """A link: made, named, deleted."""
    page = visit.page
    page.click("#share")
    page.click("#make-link")
    page.wait_for_function("document.querySelector('#link-said').textContent")
    page.fill(".share input", "For Ann")
    page.keyboard.press("Tab")
    page.click(".share .danger")
    page.click("#ask-buttons .danger")
    page.wait_for_selector("#shares .hint")
    page.click("#share-dialog [data-close]")


def use_advanced(visit: Visit, directions: Path, folder: Path) -> Path:
    """The range of an edit, the background, own sliders, the export, the doctor; the session."""
    page = visit.page
    page.click("#advanced > summary")
    page.select_option("#across", "age")
    page.click("#draw-across")
    page.wait_for_function("document.querySelectorAll('#strip img').length === 7")
    visit.drawn_after(lambda: page.uncheck("#keep-background"))
    page.click("#doctor > summary")
    page.wait_for_function("document.querySelector('#doctor-text').textContent")
    page.click("#doctor > summary")
    page.set_input_files("#file-directions", directions)
    page.wait_for_selector("#toasts >> text=Added")
    own = page.locator(".slider:visible").first.get_attribute("data-name")
    slide(visit, str(own), "PageUp")
    for button, name in (("#export", "generator"), ("#save-session", "walk")):
        with page.expect_download() as waiting:
            page.click(button)
        waiting.value.save_as(folder / f"{name}.safetensors")
    return folder / "walk.safetensors"


def test_a_walk_through_all_functions_leaves_the_console_clean(
    walk, page_studio, group_photograph, tmp_path
):
    page, own = walk.page, tmp_path / "own.npy"
    boundary(own, torch.ones(512))
    edit(walk)
    go_back(walk)
    use_stage(walk)
    save_pictures(walk, tmp_path)
    animate(walk, tmp_path)
    share(walk)
    file = use_advanced(walk, own, tmp_path)

    amounts = walk.amounts()
    walk.drawn_after(lambda: page.click("#improve"))
    page.wait_for_selector("#improve:not([disabled])")
    assert walk.amounts() == amounts

    steps = page.locator("#history button").count()
    for back in (True, False):
        page.set_input_files("#file-people", group_photograph)
        page.click("#ask-buttons .main")
        page.wait_for_selector("#learn:not([disabled])")
        assert page.locator("#faces button").count() == 2
        if back:  # nothing is lost
            page.click("#back")
            page.wait_for_selector("#controls", state="visible")
            assert page.locator("#faces button").count() == 1
            assert walk.amounts() == amounts and page.locator("#history button").count() == steps
    learn(walk)
    assert page.locator("#faces button").count() == 2
    walk.drawn_after(lambda: page.click("#faces button >> nth=1"))
    assert page.locator("#faces button >> nth=1").get_attribute("aria-pressed") == "true"

    desk = workspace_of(walk)
    page.set_input_files("#file-session", file)
    walk.drawn_after(lambda: page.click("#ask-buttons .main"))
    assert walk.amounts() == amounts
    until(lambda: desk not in set(page_studio.workspaces))  # no tab shows it any more

    desk = workspace_of(walk)
    assert page_studio.workspaces.visit(desk)  # another tab shows it: leaving it removes nothing
    page.click("#forget")
    page.click("#ask-buttons .danger")
    page.wait_for_selector("#drop", state="visible")
    assert desk not in set(page_studio.workspaces)
    walk.check()


def test_a_photograph_that_is_removed_leaves_the_server(
    browser, page_url, page_studio, group_photograph
):
    visit = Visit(browser, page_url)
    visit.choose(group_photograph)
    visit.page.wait_for_selector("#learn:not([disabled])")
    desk = workspace_of(visit)
    assert page_studio.workspaces.visit(desk)  # another tab shows it: leaving it removes nothing
    visit.page.click("#remove-photo")
    visit.page.wait_for_selector("#drop", state="visible")
    until(lambda: desk not in set(page_studio.workspaces))
    visit.check()
    visit.context.close()
