"""The page as a whole: put together, and launched."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from pti_core.editing.controls import Control
from service.share_store import Store, store_from
from service.studio import Studio
from web import theme
from web.api import mcp_tools, schema
from web.api.endpoints import Endpoints
from web.api.explore import ExploreEndpoints
from web.api.fetch import fetch_by_these_rules
from web.api.field_files import FieldFileEndpoints
from web.api.share import ShareEndpoints
from web.api.text import TextEndpoints
from web.event_queue_guard import Listening, QueueGuard
from web.files import MAX_UPLOAD
from web.middleware.body_limit import BodyLimit
from web.middleware.caller import Callers
from web.middleware.errors import Sentences
from web.middleware.first_paint import FirstPaint
from web.middleware.live_preview import LivePreviews
from web.middleware.security import SecurityHeaders, forbid_other_origins
from web.middleware.share_head import ShareHead
from web.page import Page
from web.page_text import PREVIEWS, TITLE

#: Events that run at a time. Those that follow a personalisation do so as long as it waits.
MAX_EVENTS = 120
#: Gradio's queue looks for events that often. Its own 0.001 took 6 % of a core with nobody there,
#: and the interpreter from an image in work.
_SECONDS_BETWEEN_LOOKS = 0.01


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
        page = Page(studio, controls, preset or studio.preset_names[0], store)
        page.lay_out(about)
        page.wire()
        Endpoints(studio, controls).add()
        ShareEndpoints(studio, store).add()
        ExploreEndpoints(studio).add()
        TextEndpoints(page.text.texts).add()
        FieldFileEndpoints(studio).add()
    # Personalisations wait in the studio's own line, which knows how long; edits one at a time.
    app.queue(default_concurrency_limit=4)
    app._queue.sleep_when_free = _SECONDS_BETWEEN_LOOKS
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
    gr.set_static_paths([PREVIEWS])
    guard = QueueGuard(app)
    around: list[Middleware] = [
        Middleware(layer) for layer in (FirstPaint, SecurityHeaders, BodyLimit, Sentences, Callers)
    ]
    around.append(Middleware(Listening, guard=guard))
    if store is not None:
        root_path = os.environ.get("GRADIO_ROOT_PATH", "")
        title = f"A face edited in {TITLE}"
        around += [Middleware(ShareHead, store=store, title=title, root_path=root_path)]
    if studio is not None:
        around += [Middleware(LivePreviews, studio=studio)]
    _, url, _ = app.launch(
        app_kwargs={"middleware": around, "lifespan": partial(_started, app, guard)},
        mcp_server=mcp_tools.available(),
        # Gradio's server-side rendering, which Spaces switch on, puts a Node server before this
        # app, on a port of its own: requests that it answers would pass by the middleware.
        ssr_mode=False,
        server_name=options.pop("host", None),
        server_port=options.pop("port", None),
        theme=theme.theme(),
        css_paths=[theme.STYLE],
        footer_links=["api"],
        max_file_size=MAX_UPLOAD,
        max_threads=MAX_EVENTS,
        enable_monitoring=False,
        run_history=False,
        **options,
    )
    return url


@asynccontextmanager
async def _started(blocks: gr.Blocks, guard: QueueGuard, app: Any) -> AsyncIterator[None]:
    """Put right what Gradio builds while it launches: before the first request is answered, also
    where the launch blocks."""
    mcp_tools.mend(blocks)
    forbid_other_origins(app)
    fetch_by_these_rules()
    guard.install()
    sweeping = asyncio.create_task(guard.keep_swept())
    yield
    sweeping.cancel()
