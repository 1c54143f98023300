"""Two browsers of two people: a link between them, and a mapper that one of them uses."""

from __future__ import annotations

import pytest

from tests.helpers.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def make_link(visit: Visit) -> str:
    visit.page.click("#share")
    visit.page.click("#make-link")
    visit.page.wait_for_function("document.querySelector('#link').value")
    return visit.page.input_value("#link")


def set_age(visit: Visit, key: str) -> None:
    def press() -> None:
        visit.page.locator("#in-age").focus()
        visit.page.keyboard.press(key)

    visit.tab("Face")
    visit.drawn_after(press)


def test_a_link_opens_a_copy_in_another_persons_browser(visit, browser):
    set_age(visit, "End")
    link, older, amounts = make_link(visit), visit.pixels(), visit.amounts()

    other = Visit(browser, link)  # a context of its own: another profile
    other.until_drawn()
    assert other.amounts() == amounts and other.pixels() == older
    other.page.click("#share")
    other.page.wait_for_selector("#shares .hint")  # sees none of the other's links
    other.page.click("#share-dialog [data-close]")
    set_age(other, "Home")
    younger = other.pixels()
    assert younger != older and visit.pixels() == older  # a copy

    visit.page.click(".share .danger")
    visit.page.click("#ask-buttons .danger")
    visit.page.wait_for_selector("#shares .hint")
    other.page.reload()
    other.page.wait_for_function("document.querySelector('#chips b')")
    other.until_drawn()
    assert other.pixels() == younger  # it stays theirs
    late = Visit(browser, link)
    late.page.wait_for_selector("#toasts .bad")
    assert "link" in late.page.inner_text("#toasts") and late.page.locator("#drop").is_visible()
    for one in (visit, other, late):
        one.check()
    other.context.close()
    late.context.close()


def test_a_mapper_is_an_edit_with_a_strength_and_a_place_in_the_history(
    visit, afro, page_studio, monkeypatch
):
    page = visit.page
    desk = page.evaluate("JSON.parse(sessionStorage.getItem('pti-tab')).desk")
    monkeypatch.setattr(page_studio.edit_models(desk).generator, "num_ws", 18)  # as mappers take
    plain = visit.pixels()
    visit.tab("text")
    page.fill("#prompt", "afro")
    page.wait_for_function("document.querySelector('#heard').textContent")
    assert page.inner_text("#heard").startswith("This will do: afro")
    visit.drawn_after(lambda: page.click("#do-it"))
    whole = visit.pixels()
    assert whole != plain and page.inner_text("#chips").startswith("afro")

    def weaken() -> None:
        page.fill("#entries .amount", "0.5")
        page.keyboard.press("Tab")

    visit.drawn_after(weaken)
    half = visit.pixels()
    assert half not in (plain, whole)
    for pixels in (whole, plain):
        visit.drawn_after(lambda: page.click("#undo"))
        assert visit.pixels() == pixels
    visit.drawn_after(lambda: page.click("#redo"))
    assert visit.pixels() == whole
    visit.drawn_after(lambda: page.click("#chips .x"))
    assert visit.pixels() == plain
    visit.check()
