"""A real Chromium, a page over a small generator, a visitor of it, and a mapper."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from checkpoints.asset import HubFile
from checkpoints.manifest import MANIFEST
from pti_core.editing.controls import controls_of
from pti_core.editing.directions import Direction
from pti_core.inversion.presets import Preset
from pti_core.models import TuningModels
from service.share_store import Store
from service.studio import Studio
from tests.checkpoints.test_stylegan2_files import lay_out
from tests.conftest import make_lively_generator
from tests.helpers.small import SHORT, small_tuning_models
from tests.helpers.two_faces import TwoFaces
from tests.helpers.visit import Visit
from tests.pti_core.networks.test_encoder_identity_mapper import OPTIONS, mapper_state
from web.serve import create_app, serve


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """For one module only: while Playwright's loop runs no other test could start its own."""
    path = Path(os.environ.get("PTI_CHROMIUM", "/usr/bin/chromium"))
    if not path.is_file():
        pytest.skip(f"there is no Chromium at {path}; install it, or set PTI_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root, as in a container, may not use Chromium's sandbox.
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=str(path), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def many(directions) -> dict[str, Direction]:
    """Six directions in three groups."""
    age = directions["age"]
    random = torch.Generator().manual_seed(2)
    found = dict(directions)
    for name, group in (("hair_curly", "hair"), ("fringe", "hair"), ("exposure", "scene")):
        vector = torch.randn(512, generator=random)
        found[name] = dataclasses.replace(
            age, name=f"{name}_", label=name, group=group, vector=vector / vector.norm()
        )
    return {direction.name: direction for direction in found.values()}


@pytest.fixture(scope="module")
def page_preset() -> Preset:
    """What the page learns a face with; a module may have one of its own."""
    return SHORT


@pytest.fixture(scope="module")
def page_models(lpips, many) -> TuningModels:
    return small_tuning_models(make_lively_generator(), lpips, many, TwoFaces())


@pytest.fixture(scope="module")
def page_studio(page_models, page_preset) -> Studio:
    studio = Studio(lambda report: page_models, {"fast": page_preset})
    studio.networks.get()
    return studio


@pytest.fixture(scope="module")
def page_url(page_studio, many, tmp_path_factory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("shares"))
    blocks = create_app(page_studio, controls_of(many.values()), store=store)
    yield serve(blocks, store, page_studio, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def group_photograph(make_picture, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "Two friends.png"
    make_picture(240, 110).save(path)
    return path


@pytest.fixture
def visit(browser, page_url, group_photograph) -> Iterator[Visit]:
    """A visitor who had the right one of two faces learned."""
    found = Visit(browser, page_url)
    found.choose(group_photograph)
    page = found.page
    page.click("#boxes button[aria-pressed=false]")
    page.wait_for_selector("#boxes button:last-child[aria-pressed=true]")
    page.click("#learn:not([disabled])")
    page.wait_for_selector("#controls", state="visible")
    found.until_drawn()
    yield found
    found.context.close()


@pytest.fixture
def afro(tmp_path, monkeypatch) -> None:
    """A mapper in the published layout, in the Hub client's cache; the Hub is not to be asked."""
    options = argparse.Namespace(**{**OPTIONS, "no_fine_mapper": True})
    state = mapper_state(("course_mapping", "medium_mapping"))
    torch.save({"state_dict": state, "opts": options}, tmp_path / "afro.pt")
    source = MANIFEST["mapper-afro"].sources[0]
    assert isinstance(source, HubFile)
    lay_out(tmp_path / "hub", source, (tmp_path / "afro.pt").read_bytes())
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("PTI_CACHE", str(tmp_path / "cache"))
