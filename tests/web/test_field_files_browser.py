"""Files of other programs by clicks in a real Chromium, on the embedded generator's faces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from checkpoints.network_loaders import load_edit_models, load_tuning_models
from pti_core.editing.controls import read_controls
from pti_core.editing.directions import load_directions
from service.share_store import Store
from service.studio import Studio
from tests.helpers.field_files import ada_code, boundary, e4e_codes, pca_excerpt, pti_code
from tests.helpers.small import SHORT
from tests.helpers.visit import Visit, pick, wait_until_idle
from web.serve import create_app, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def studio(own_cache: Path) -> Studio:
    models = load_tuning_models("mobile")
    found = Studio(lambda report: models, {"fast": SHORT}, load_other=load_edit_models)
    found.networks.get()
    return found


@pytest.fixture(scope="module")
def url(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("shares"))
    blocks = create_app(studio, read_controls(), store=store)
    yield serve(blocks, store, studio, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)
    wait_until_idle()  # thumbnails of looks, for one


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Visit]:
    found = Visit(browser, url)
    yield found
    found.context.close()


def toast(visit: Visit, text: str) -> None:
    visit.page.wait_for_selector(f"#toasts :text('{text}')")


def face(studio: Studio, seed: int = 4) -> torch.Tensor:
    return studio.networks.get().generator.sample_w(1, seed, 0.7)[0].cpu()


def test_from_a_code_to_an_own_slider_to_an_export_and_back(visit, studio, tmp_path) -> None:
    page = visit.page
    pick(visit, "#pick-session", pti_code(tmp_path / "0.pt", face(studio)))
    visit.until_drawn()
    plain = visit.pixels()

    # InterFaceGAN's boundary is a slider, which moves the face, and gets its unit on demand.
    smile = load_directions()["smile"].vector
    page.click("#advanced > summary")
    pick(visit, "#pick-directions", boundary(tmp_path / "mine_w_boundary.npy", smile))
    toast(visit, "Added: mine_w_boundary")
    row = page.locator("#slider-mine_w_boundary")
    assert row.is_visible() and "σ" in row.inner_text()
    slider = page.locator("#in-mine_w_boundary")
    visit.drawn_after(lambda: (slider.focus(), slider.press("End")))
    assert visit.amounts() == {"mine_w_boundary": 3} and visit.pixels() != plain
    visit.drawn_after(lambda: page.click("#undo"))
    assert visit.pixels() == plain
    page.click("#calibrate")
    toast(visit, "have the units of what they move")
    assert "(smile)" in row.inner_text() and "σ" not in row.inner_text()
    visit.drawn_after(lambda: (slider.focus(), slider.press("End")))
    smiling = visit.pixels()
    assert smiling != plain and 0 < visit.amounts()["mine_w_boundary"] < 3
    told = page.locator("#likeness")
    told.wait_for()

    # GANSpace's excerpt, as PTI ships it.
    basis = torch.linalg.qr(torch.randn(512, 12, generator=torch.Generator().manual_seed(1)))[0]
    pick(visit, "#pick-directions", pca_excerpt(tmp_path / "pca.pt", basis.T, torch.ones(12)))
    toast(visit, "Added: pca_0")
    assert page.locator(".slider:visible").count() == 11

    # Out, and in again: the same picture.
    visit.drawn_after(lambda: page.click("#reset"))
    assert visit.pixels() == plain
    with page.expect_download() as waiting:
        page.click("#export")
    assert waiting.value.suggested_filename == "generator.safetensors"
    waiting.value.save_as(tmp_path / "generator.safetensors")
    page.click("#new-photo")
    pick(visit, "#pick-session", tmp_path / "generator.safetensors")
    page.click("#ask-buttons button:text('Replace it')")
    page.wait_for_selector("#controls", state="visible")
    visit.until_drawn()
    assert visit.pixels() == plain
    visit.check()


def test_what_cannot_be_opened_is_said(visit, studio, tmp_path) -> None:
    levels = e4e_codes(tmp_path / "latents.pt", torch.randn(1, 18, 512))
    pick(visit, "#pick-session", levels)
    toast(visit, "open it with StyleGAN2")
    page = tmp_path / "page.pt"
    page.write_text("<html>Sign in</html>")
    pick(visit, "#pick-session", page)
    toast(visit, "page.pt is a web page")
    pick(visit, "#pick-session", ada_code(tmp_path / "projected_w.npz", face(studio)))
    visit.until_drawn()
    visit.page.click("#advanced > summary")
    pick(visit, "#pick-directions", levels)
    toast(visit, "that of latent codes")
    step = torch.zeros(512)
    torch.save({"b64.conv1": step + 1}, tmp_path / "style.pt")
    pick(visit, "#pick-directions", tmp_path / "style.pt")
    toast(visit, "not of this generator")
    visit.check()


def test_the_doctor_speaks_on_the_page(visit, own_cache: Path) -> None:
    """A web page under a mapper's name: found while the page is open, and named."""
    (own_cache / "known" / "afro.pt").write_text("<!doctype html><title>Sign in</title>")
    page = visit.page
    page.click("[data-example]")
    visit.until_drawn()
    page.click("#advanced > summary")
    assert page.is_checked("#keep-background")
    page.click("#doctor > summary")
    page.wait_for_selector("#doctor-text:has-text('not here')")
    said = page.locator("#doctor-text").inner_text()
    assert "wrong     mapper-afro: afro.pt is a web page" in said
    for word in ("computer", "processor", "GPU", "generator", "storage"):
        assert word in said
    (own_cache / "known" / "afro.pt").unlink()
    page.click("#doctor > summary")
    page.click("#doctor > summary")
    page.wait_for_function(
        "!document.querySelector('#doctor-text').textContent.includes('afro.pt')"
    )
    visit.check()
