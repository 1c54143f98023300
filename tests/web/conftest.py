"""A real Chromium for the tests of the page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


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
