"""Headers that keep the page to itself, and routes of Gradio that nothing here needs.

Gradio 6.31 answers any origin with permission to read (CORS), passes any public URL on
(`file=http://...`, an open relay) and proxies other Spaces (`proxy=`). The page needs none of it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import gradio as gr
from starlette.responses import PlainTextResponse

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

HEADERS = (
    # A Space shows its page in a frame of huggingface.co.
    (
        b"content-security-policy",
        b"frame-ancestors 'self' https://huggingface.co https://*.huggingface.co",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # the link of a share is its key
)

# Two letters at least: `C:/` begins a path. Proxies make one slash of two.
_URL = re.compile(r"\s*[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


class SecurityHeaders:
    """An ASGI application around another one that adds `HEADERS` and refuses those routes.

    A POST that a page of another site makes is refused too: browsers say so in Sec-Fetch-Site, and
    programs send no such header.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", []))
                there = {name.lower() for name, _ in own}
                own += [(name, value) for name, value in HEADERS if name not in there]
                message = {**message, "headers": own}
            await send(message)

        refusal = _refusal(scope)
        if refusal:
            await PlainTextResponse(refusal, 403)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


def _refusal(scope: Scope) -> str:
    """Why a request is refused; "" where it is not."""
    _, _, name = scope["path"].partition("/file=")
    if _URL.match(name):
        return "Addresses of other servers are not fetched here."
    if "/proxy=" in scope["path"]:
        return "Other servers are not reached through this one."
    site = next((value for name, value in scope["headers"] if name == b"sec-fetch-site"), b"")
    if scope["method"] == "POST" and site == b"cross-site":
        return "Pages of other sites cannot use this one; open it by its own address."
    return ""


def forbid_other_origins(app: Any) -> None:
    """Have Gradio's CORS middleware permit nothing, in an application that has started.

    app: a `gradio.routes.App` whose middleware stack is built, as in its lifespan.
    """
    layer = app.middleware_stack
    while layer is not None:
        if isinstance(layer, gr.route_utils.CustomCORSMiddleware):
            layer.is_valid_origin = lambda request_headers: False  # type: ignore[method-assign]
            layer.simple_headers = {}
            layer.preflight_headers = {}
        layer = getattr(layer, "app", None)
