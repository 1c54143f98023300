"""The page as a whole: put together, and launched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from pti_core.editing.controls import Control
from service.share_store import Store, store_from
from service.studio import Studio
from web import theme
from web.api import mcp_tools
from web.api.endpoints import Endpoints
from web.api.explore import ExploreEndpoints
from web.api.share import ShareEndpoints
from web.api.text import TextEndpoints
from web.files import CACHE_SECONDS, MAX_UPLOAD
from web.middleware.caller import Callers
from web.middleware.live_preview import LivePreviews
from web.middleware.share_head import ShareHead
from web.page import Page
from web.strings import TITLE
from web.tabs.share import SharePart


def create_app(
    studio: Studio,
    controls: Sequence[Control],
    about: str = "",
    preset: str = "",
    store: Store | None = None,
) -> gr.Blocks:
    """The page over a studio.

    controls: the sliders. about: the generator and its licence. preset: chosen at first. store:
    where shared sessions are kept; that of the settings by default.
    """
    store = store or store_from(os.environ)
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        fill_width=False,
        delete_cache=(CACHE_SECONDS, CACHE_SECONDS),
    ) as app:
        page = Page(studio, controls, preset or studio.preset_names[0])
        page.lay_out(about)
        page.wire()
        SharePart(app, page, store).wire()
        Endpoints(studio, controls).add()
        ShareEndpoints(studio, store).add()
        ExploreEndpoints(studio).add()
        TextEndpoints(page.texting.texts).add()
    # Personalisations wait in the studio's own line, which knows how long; edits one at a time.
    app.queue(default_concurrency_limit=4, max_size=256)
    return app


def serve(
    app: gr.Blocks, store: Store | None = None, studio: Studio | None = None, **options: Any
) -> str:
    """Launch the page; returns its local address.

    store: shares that chats are to show with a picture. studio: the page's, for quick pictures
    while a slider moves; without it they take the way of other events. options: host, port, share,
    and whatever else `gr.Blocks.launch` takes.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    around = [Middleware(Callers)]
    if store is not None:
        around += [Middleware(ShareHead, store=store, title=f"A face edited in {TITLE}")]
    if studio is not None:
        around += [Middleware(LivePreviews, studio=studio)]
    _, url, _ = app.launch(
        app_kwargs={"middleware": around},
        mcp_server=mcp_tools.available(),
        server_name=options.pop("host", None),
        server_port=options.pop("port", None),
        theme=theme.theme(),
        css_paths=[theme.STYLE],
        js=theme.SCRIPT.read_text(encoding="utf-8"),
        footer_links=["api"],
        max_file_size=MAX_UPLOAD,
        enable_monitoring=False,
        run_history=False,
        **options,
    )
    mcp_tools.mend(app)
    return url
