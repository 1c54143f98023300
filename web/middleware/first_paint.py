"""The page's HTML as it leaves: compressed, and with a first picture of itself in it.

Gradio's HTML holds the whole configuration and draws nothing before its scripts have run. Here a
few lines are put into the body that show the title at once, and the page proper stays unseen until
its script says that it is laid out (class "pti-ready"), so that nothing jumps.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from web.page_text import TAGLINE, TITLE

Message = MutableMapping[str, Any]
Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

_BODY = b"<gradio-app"
#: Shown until the page's script takes it away; after 12 s the page is shown in any case.
_BOOT = (
    "<style>gradio-app{visibility:hidden;animation:pti-late 0s 12s forwards}"
    "@keyframes pti-late{to{visibility:visible}}"
    ".pti-ready gradio-app{visibility:visible;animation:none}"
    "#pti-boot{position:fixed;inset:0;padding:22px 24px;font-family:system-ui,sans-serif}"
    "#pti-boot b{font-size:22px}#pti-boot p{margin:6px 0;opacity:.75}"
    ".pti-ready #pti-boot{display:none}</style>"
    f'<div id="pti-boot" role="status"><b>{html.escape(TITLE)}</b>'
    f"<p>{html.escape(TAGLINE)}</p></div>"
).encode()


class FirstPaint:
    """An ASGI application around the page's that rewrites the HTML at its root."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or scope["method"] != "GET" or path not in ("", "/"):
            await self._app(scope, receive, send)
            return
        asked = dict(scope["headers"]).get(b"accept-encoding", b"")
        kept = [(k, v) for k, v in scope["headers"] if k.lower() != b"accept-encoding"]
        whole = _Whole(send, compress=b"gzip" in asked)
        await self._app({**scope, "headers": kept}, receive, whole)


class _Whole:
    """Collects a response; HTML gets the first picture and is compressed."""

    def __init__(self, send: Callable[[Message], Awaitable[None]], compress: bool) -> None:
        self._send, self._compress = send, compress
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body, headers = bytes(self._body), list(self._start["headers"])
        if any(k.lower() == b"content-type" and v.startswith(b"text/html") for k, v in headers):
            body = body.replace(_BODY, _BOOT + _BODY, 1)
            headers.append((b"vary", b"accept-encoding"))
            if self._compress:
                body = gzip.compress(body, 6)
                headers.append((b"content-encoding", b"gzip"))
        headers = [(k, v) for k, v in headers if k.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
