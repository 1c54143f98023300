"""Accessibility, bytes, first paint and stillness of the page, measured in the browser."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from tests.helpers.visit import SIZES, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Bytes of the first load, over the network.
MOST_BYTES = 600 * 1024
#: Cumulative layout shift: Chromium's "good" is 0.1.
MOST_SHIFT = 0.1

_WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""
_WATCH_READY = """
new MutationObserver(() => {
  const ready = document.documentElement.classList.contains("pti-ready");
  if (ready) window.readyAt ??= performance.now();
}).observe(document, { attributes: true, childList: true, subtree: true });
"""
_AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core's script."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def faults(visit: Visit, axe: str) -> list[str]:
    visit.page.evaluate(axe)
    return visit.page.evaluate(_AXE)


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_axe_finds_nothing_serious(browser, page_url, group_photograph, axe, device):
    visit = Visit(browser, page_url, device)
    page = visit.page

    def check() -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(
                f"document.body.classList.contains('dark') === {str(scheme == 'dark').lower()}"
            )
            page.wait_for_timeout(400)  # colours fade over
            assert faults(visit, axe) == [], scheme

    check()
    visit.choose(group_photograph)
    page.wait_for_selector("#learn:not([disabled])")
    check()
    page.click("#learn")
    page.wait_for_selector("#controls", state="visible")
    visit.until_drawn()
    for tab in ("looks", "Face", "Hair", "text"):
        visit.tab(tab)
        check()
    for summary in ("#animate > summary", "#advanced > summary"):
        page.click(summary)
    check()
    page.click("#share")
    check()
    visit.context.close()


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_the_first_load_is_small_painted_early_and_still(browser, page_url, device):
    width, height = SIZES[device]
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(_WATCH_SHIFTS + _WATCH_READY)
    loaded: list[Any] = []
    context.on("requestfinished", lambda request: loaded.append(request))
    visit = Visit(browser, page_url, context=context)
    page = visit.page
    page.wait_for_timeout(3000)  # Gradio keeps a stream open: the network is never idle
    sizes = [one.sizes() for one in loaded]
    total = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
    assert len(sizes) > 5 and 100_000 < total < MOST_BYTES
    assert page.evaluate("shifted") < MOST_SHIFT
    (painted,) = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)"
    )
    # The title stands there before the page's scripts have run.
    assert painted < page.evaluate("readyAt")
    visit.context.close()
