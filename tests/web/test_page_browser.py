"""The page as a person meets it: a real Chromium over a small generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from pti_core.editing.controls import controls_of
from pti_core.session.session import Session
from service.share_store import Store
from tests.helpers.visit import Visit
from web.page import script
from web.serve import create_app, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def press_keys(visit: Visit, name: str, key: str = "PageUp") -> None:
    """One key is one step of the history, however slow the machine is."""

    def press() -> None:
        visit.page.locator(f"#in-{name}").focus()
        visit.page.keyboard.press(key)

    visit.drawn_after(press)


def test_every_kind_of_edit_is_undone_to_the_pixel_and_survives_a_reload(visit):
    page = visit.page
    plain = visit.pixels()
    visit.tab("Face")
    press_keys(visit, "age")
    older = visit.pixels()
    assert visit.amounts()["age"] > 0 and older != plain
    visit.drawn_after(lambda: page.keyboard.press("Control+z"))
    assert visit.pixels() == plain and visit.amounts() == {}
    visit.drawn_after(lambda: page.keyboard.press("Control+Shift+z"))
    assert visit.pixels() == older

    visit.tab("text")
    page.fill("#prompt", "very happy")
    visit.drawn_after(lambda: page.keyboard.press("Enter"))
    assert visit.amounts()["smile"] > 0
    page.wait_for_function("document.querySelector('#heard').textContent.startsWith('Done')")
    visit.drawn_after(lambda: page.keyboard.press("Control+z"))  # the text was applied
    assert visit.pixels() == older
    page.locator("#prompt").focus()
    page.keyboard.type("!")
    page.keyboard.press("Control+z")  # a text again: the browser takes the letter back
    page.wait_for_timeout(500)
    assert visit.amounts().keys() == {"age"}
    visit.tab("Face")
    number = page.locator("#slider-age .amount")
    number.fill("3")
    visit.drawn_after(lambda: number.press("Enter"))
    visit.drawn_after(lambda: page.keyboard.press("Control+z"))
    assert visit.pixels() == older

    visit.tab("looks")
    for button in ("#surprise", "#reset"):
        visit.drawn_after(lambda button=button: page.click(button))
        assert visit.pixels() != older
        page.locator("#stage").focus()
        visit.drawn_after(lambda: page.keyboard.press("Control+z"))
        assert visit.pixels() == older

    amounts = visit.amounts()
    page.reload()
    visit.until_drawn()
    page.wait_for_function("document.querySelector('#chips b')")
    assert visit.amounts() == amounts and visit.pixels() == older
    visit.check()


def test_of_two_people_the_pressed_one_is_edited(visit, group_photograph, tmp_path):
    page = visit.page

    def saved(name: str) -> np.ndarray:
        page.click("#save")
        page.check("[name=save-view][value=photograph]")
        with page.expect_download() as waiting:
            page.click("#save-picture")
        assert waiting.value.suggested_filename == "Two-friends-edited.png"
        waiting.value.save_as(tmp_path / name)
        with Image.open(tmp_path / name) as image:
            return np.asarray(image.convert("RGB")).astype(int)

    # The session keeps the photograph as a JPEG file: the unedited picture is that, to the pixel.
    before = saved("before.png")
    visit.tab("Face")
    press_keys(visit, "age", "End")
    changed = np.abs(saved("after.png") - before).max(axis=-1)
    assert before.shape[:2] == (110, 240)
    assert changed[:, :110].max() == 0 and changed[:, 130:].max() > 10

    page.click("#advanced > summary")
    with page.expect_download() as waiting:
        page.click("#save-session")
    waiting.value.save_as(tmp_path / "session.safetensors")
    assert Session.open(tmp_path / "session.safetensors").edits == visit.amounts()

    # A photograph beside an open face replaces nothing without a question.
    visit.choose(group_photograph)
    page.click("#ask-buttons button >> nth=0")
    assert page.locator("#controls").is_visible() and visit.amounts()
    visit.check()


def test_a_photograph_that_cannot_be_used_arms_nothing(
    browser, page_url, group_photograph, tmp_path
):
    visit = Visit(browser, page_url)
    page = visit.page
    blank, broken = tmp_path / "blank.png", tmp_path / "broken.jpg"
    Image.new("RGB", (100, 100)).save(blank)
    broken.write_text("no picture")
    for bad, said in ((blank, "face"), (broken, "not a picture")):
        visit.choose(group_photograph)
        page.wait_for_selector("#learn:not([disabled])")
        visit.choose(bad)
        page.wait_for_function("document.querySelector('#photo-note').textContent")
        assert said in page.locator("#photo-note").inner_text()
        assert page.locator("#learn").is_disabled() and not page.locator("#crop[src]").count()
    visit.choose(group_photograph)
    page.click("#remove-photo")
    assert page.locator("#learn").is_disabled() and page.locator("#drop").is_visible()
    visit.check()
    visit.context.close()


def test_a_face_that_was_not_found_is_marked_with_keys_and_with_the_mouse(
    browser, page_url, group_photograph
):
    visit = Visit(browser, page_url)
    page = visit.page
    visit.choose(group_photograph)
    page.wait_for_selector("#learn:not([disabled])")
    found = page.locator("#boxes button").count()
    page.click("#mark-face")
    # What was found is not armed any more; the square has the focus.
    assert page.locator("#learn").is_disabled() and page.locator("#boxes > *").count() == 1
    assert page.evaluate("document.activeElement.closest('#boxes') !== null")
    place = page.locator("#boxes .square")
    before = place.bounding_box()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("-")
    page.wait_for_selector("#learn:not([disabled])")
    after = place.bounding_box()
    assert after["x"] > before["x"] and after["width"] < before["width"]
    assert page.evaluate("document.activeElement.closest('#boxes') !== null")

    box = page.locator("#stage").bounding_box()
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def draw(from_x: float, from_y: float, to_x: float, to_y: float) -> dict[str, float]:
        old = page.locator("#crop").get_attribute("src")
        page.mouse.move(from_x, from_y)
        page.mouse.down()
        page.mouse.move(to_x, to_y, steps=4)
        page.mouse.up()
        page.wait_for_function("(old) => document.querySelector('#crop').src !== old", arg=old)
        page.wait_for_selector("#learn:not([disabled])")
        return place.bounding_box()

    moved = draw(middle_x, middle_y, middle_x - 60, middle_y + 10)  # by its inside
    assert moved["width"] == after["width"] and abs(moved["x"] - after["x"] + 60) < 2
    drawn = draw(middle_x + 120, middle_y - 60, middle_x + 230, middle_y + 30)  # outside: a new one
    assert abs(drawn["width"] - 110) < 6 and abs(drawn["x"] - (middle_x + 120)) < 6
    assert "No face is seen" in page.inner_text("#setup-note")
    page.mouse.move(middle_x - 200, middle_y)  # a slip leaves it as it was
    page.mouse.down()
    page.mouse.move(middle_x - 196, middle_y + 3)
    page.mouse.up()
    assert place.bounding_box() == drawn and page.locator("#learn").is_enabled()

    page.reload()
    page.wait_for_selector("#boxes .square")

    page.click("#mark-face")  # back
    page.wait_for_selector("#boxes button:nth-child(2)")
    assert page.locator("#boxes button").count() == found
    page.wait_for_selector("#learn:not([disabled])")
    visit.check()
    visit.context.close()


def test_a_phone_scrolls_without_moving_a_slider(browser, visit):
    page = visit.page
    page.click("#share")
    page.click("#make-link")
    page.wait_for_function("document.querySelector('#link').value")
    link = page.input_value("#link")
    phone = Visit(browser, link, "phone")
    phone.until_drawn()
    devtools = phone.context.new_cdp_session(phone.page)

    def swipe(dx: float, dy: float) -> None:
        x, y = phone.page.evaluate(
            """() => {
              const row = document.querySelector(".slider.current:not([hidden])");
              const range = row.querySelector("input[type=range]");
              const box = range.getBoundingClientRect();
              const share = (range.value - range.min) / (range.max - range.min);
              return [box.left + 11 + (box.width - 22) * share, box.top + box.height / 2];
            }"""
        )
        send = devtools.send
        send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for i in range(1, 11):
            points = [{"x": x + dx * i, "y": y + dy * i}]
            send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
            phone.page.wait_for_timeout(16)
        send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        phone.page.wait_for_timeout(200)

    for tab in ("Face", "Hair", "Light"):
        phone.tab(tab)
        swipe(0.2, -12)
        assert phone.amounts() == {}
        assert phone.stage_is_in_view()
        phone.page.evaluate("scrollTo(0, 0)")
    phone.drawn_after(lambda: swipe(8, 0))
    assert phone.amounts() and phone.stage_is_in_view()
    phone.check()
    phone.context.close()


def test_search_wheel_and_compare(visit):
    page = visit.page
    page.fill("#search", "wrinkles")
    seen = page.locator(".slider:visible").all()
    assert [one.get_attribute("data-name") for one in seen] == ["age"]
    page.fill("#search", "xylophone")
    assert page.locator("#no-match").is_visible()
    page.fill("#search", "")
    page.click("#advanced > summary")
    page.mouse.move(400, 300)
    page.mouse.wheel(0, 200)
    page.wait_for_function("scrollY > 0")
    assert visit.stage_is_in_view()
    page.locator("#stage").focus()
    page.keyboard.down("Space")
    page.wait_for_selector("#stage.holding")
    page.keyboard.up("Space")
    page.wait_for_selector("#stage:not(.holding)")
    page.click("#split")
    page.locator("#split-line").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#split-line", "aria-valuenow") == "52"
    visit.check()


def test_an_open_tab_tells_the_server_now_and_then_that_it_is_open(
    browser, page_studio, many, tmp_path, monkeypatch, group_photograph
):
    every_second = script().replace("10 * 60_000", "1_000")
    monkeypatch.setattr("web.page.script", lambda: every_second)
    store = Store(tmp_path)
    blocks = create_app(page_studio, controls_of(many.values()), store=store)
    url = serve(blocks, store, page_studio, prevent_thread_lock=True, quiet=True)
    visit = Visit(browser, url)
    visit.choose(group_photograph)
    visit.page.wait_for_selector("#boxes button")

    def tells(request: Any) -> bool:
        return "/queue/join" in request.url and '"workspace"' in (request.post_data or "")

    for _ in range(3):
        with visit.page.expect_request(tells):
            pass
    visit.context.close()
    blocks.close(verbose=False)


def test_a_face_that_the_server_has_lost_is_said_to_be(visit, page_studio):
    page = visit.page
    visit.tab("Face")
    press_keys(visit, "age")
    amounts = visit.amounts()
    page_studio.forget(page.evaluate("JSON.parse(sessionStorage['pti-tab']).desk"))
    page.locator("#in-age").focus()
    page.keyboard.press("End")  # a picture that the page has not had yet
    page.wait_for_selector("text=no longer kept here")
    assert page.locator("#controls").is_visible() and visit.amounts() != amounts
    page.reload()
    page.wait_for_selector("text=That face is no longer on the server")
    assert page.locator("#pick").is_visible()
