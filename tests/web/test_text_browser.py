"""The Text tab as a person meets it: the real page in Chromium, over a small generator.

A screenshot goes to artifacts/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch

from tests.pti_core.networks.test_encoder_identity_mapper import OPTIONS, mapper_state
from tests.web.test_app import client, photograph, studio, url  # noqa: F401  (fixtures)
from tests.web.test_app_browser import ARTIFACTS, browser  # noqa: F401  (fixtures)

pytestmark = pytest.mark.browser

PATIENCE = 30_000  # milliseconds, on a busy machine


@pytest.fixture
def page(browser, url, photograph, tmp_path, monkeypatch):  # noqa: F811
    """A page with a personalised generator before it, and one mapper's file on the machine."""
    options = argparse.Namespace(**{**OPTIONS, "no_fine_mapper": True})
    groups = ("course_mapping", "medium_mapping")
    torch.save({"state_dict": mapper_state(groups), "opts": options}, tmp_path / "afro.pt")
    monkeypatch.setenv("PTI_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("PTI_CACHE", str(tmp_path / "cache"))
    found = browser.new_page(viewport={"width": 1280, "height": 1400})
    found.set_default_timeout(PATIENCE)
    found.goto(url)
    found.set_input_files("#photograph input[type=file]", str(photograph))
    found.wait_for_selector("#start:not([disabled])")
    found.click("#start")
    found.wait_for_selector("#stage", state="visible")
    yield found
    found.close()


def number(page, selector: str) -> float:
    return float(page.locator(f"{selector} input").first.input_value())


def test_a_prompt_becomes_chips_and_then_a_picture(page, studio, monkeypatch):  # noqa: F811
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("tab", name="Text").click()
    page.fill("#prompt textarea, #prompt input", "5 years older, with a hat")
    page.wait_for_selector("#chip-0", state="visible")
    assert number(page, "#chip-0") == 5
    assert "a hat" in page.inner_text("#reading")
    page.fill("#chip-0 input", "8")  # corrected
    page.locator("#chip-0 input").press("Tab")
    page.click("#text-apply")
    page.wait_for_selector("#text-history li")
    assert "5 years older, with a hat" in page.inner_text("#text-history")
    page.get_by_role("tab", name="Sliders").click()
    page.wait_for_function(
        "() => document.querySelector('#slider-age input[type=number]').value == '8'"
    )
    # A mapper is a further edit, with an amount of its own; undone, all is as before.
    kit = studio._own_editor(studio.networks.get())
    monkeypatch.setattr(kit.generator, "num_ws", 18)
    monkeypatch.setitem(studio._editors, kit.generator.name, kit)
    page.get_by_role("tab", name="Text").click()
    page.fill("#prompt textarea, #prompt input", "afro")
    page.wait_for_function(
        "() => document.querySelector('#chip-0').innerText.includes('Latent mapper')"
    )
    page.click("#text-apply")
    page.wait_for_selector("#entry", state="visible")
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=Path(ARTIFACTS) / "desktop-text.png", full_page=True)
    assert page.locator("#text-history li").count() == 2
    page.click("#text-undo")
    page.wait_for_selector("#entry", state="hidden")
    assert page.locator("#text-history li").count() == 1
    page.fill("#prompt textarea, #prompt input", "make him fly")
    page.wait_for_function(
        "() => document.querySelector('#reading').innerText.includes('not understood')"
    )
    assert page.locator("#chip-0").is_hidden()
    assert errors == []
