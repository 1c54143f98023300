"""The page as a whole: put together, and launched."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from pti_core.cards import ShareHead
from pti_core.controls import Control
from pti_core.store import Store, store_from
from pti_core.studio import Studio
from web import look, tools
from web.api import schema
from web.api.fetch import fetch_by_these_rules
from web.endpoints import Endpoints
from web.files import MAX_UPLOAD
from web.look_endpoints import LookEndpoints
from web.middleware.body_limit import BodyLimit
from web.middleware.errors import Sentences
from web.middleware.security import SecurityHeaders, forbid_other_origins
from web.moving import MovingPictures
from web.page import Page
from web.people import Callers
from web.share_endpoints import ShareEndpoints
from web.sharing import Sharing
from web.text_endpoints import TextEndpoints
from web.words import TITLE


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
    ) as app:
        page = Page(studio, controls, preset or studio.preset_names[0])
        page.lay_out(about)
        page.wire()
        Sharing(app, page, store).wire()
        Endpoints(studio, controls).add()
        ShareEndpoints(studio, store).add()
        LookEndpoints(studio).add()
        TextEndpoints(page.texting.texts).add()
    # Personalisations wait in the studio's own line, which knows how long; edits one at a time.
    app.queue(default_concurrency_limit=4, max_size=256)
    schema.guard(app)
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
    around: list[Middleware] = [
        Middleware(layer) for layer in (SecurityHeaders, BodyLimit, Sentences, Callers)
    ]
    if store is not None:
        around += [Middleware(ShareHead, store=store, title=f"A face edited in {TITLE}")]
    if studio is not None:
        around += [Middleware(MovingPictures, studio=studio)]
    _, url, _ = app.launch(
        app_kwargs={"middleware": around, "lifespan": partial(_started, app)},
        mcp_server=tools.available(),
        server_name=options.pop("host", None),
        server_port=options.pop("port", None),
        theme=look.theme(),
        css_paths=[look.STYLE],
        js=look.SCRIPT.read_text(encoding="utf-8"),
        footer_links=["api"],
        max_file_size=MAX_UPLOAD,
        enable_monitoring=False,
        run_history=False,
        **options,
    )
    return url


@asynccontextmanager
async def _started(blocks: gr.Blocks, app: Any) -> AsyncIterator[None]:
    """Put right what Gradio builds while it launches: before the first request is answered, also
    where the launch blocks."""
    tools.mend(blocks)
    forbid_other_origins(app)
    fetch_by_these_rules()
    yield
