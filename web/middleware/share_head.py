"""What a chat shows of a shared link: a picture card, and the page's head that names it.

`ShareHead` wraps the web app (any ASGI application). It answers `/card/ID.jpg` itself and puts Open
Graph tags (https://ogp.me) into the page at `/?s=ID`; everything else passes through untouched.
Tags and card tell what the link shows anyway and nothing else: no name, no owner, no other share.
"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from pti_core.errors import UserError
from service.share_card import SIZE
from service.share_store import Store

_CARD_PATH = re.compile(r"/card/([A-Za-z0-9_-]{43})\.jpg", re.ASCII)


_HOST = re.compile(
    r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?", re.ASCII
)


_HEAD_END = b"</head>"


Message = MutableMapping[str, Any]


Receive = Callable[[], Awaitable[Message]]


Send = Callable[[Message], Awaitable[None]]


Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class ShareHead:
    """An ASGI application around the page's.

    Args:
        app: the page's application.
        store: where shares are.
        title: of the card, as chats show it.
        root_path: the sub-path under which a proxy serves the page, or its whole address.
    """

    def __init__(self, app: Application, store: Store, title: str, root_path: str = "") -> None:
        self._app, self._store, self._title = app, store, title
        self._root_path = root_path

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        card = _CARD_PATH.fullmatch(path)
        if card:
            await self._send_card(card[1], scope["method"] == "HEAD", send)
        elif path == "/" and (share := _asked(scope)):
            tags = await asyncio.to_thread(self._tags, share, scope)
            # What is rewritten must come unpacked.
            kept = [(k, v) for k, v in scope["headers"] if k.lower() != b"accept-encoding"]
            inside = {**scope, "headers": kept}
            await self._app(inside, receive, _Rewriting(send, tags) if tags else send)
        else:
            await self._app(scope, receive, send)

    async def _send_card(self, share: str, head_only: bool, send: Send) -> None:
        try:
            status, kind = 200, b"image/jpeg"
            data = await asyncio.to_thread(self._store.card, share)
        except UserError as error:
            status, kind, data = 404, b"text/plain; charset=utf-8", str(error).encode()
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(data)).encode()),
            (b"cache-control", b"no-store"),  # deleted means deleted
            (b"x-robots-tag", b"noindex"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head_only else data})

    def _tags(self, share: str, scope: MutableMapping[str, Any]) -> bytes:
        """The tags of a share; b"" where there is none: the page itself says so."""
        try:
            self._store.record(share)
        except UserError:
            return b""
        base = _base(scope, self._root_path)
        pairs = {
            "og:type": "website",
            "og:title": self._title,
            "og:description": "Open it to see the face before and after, and move the sliders on.",
            "og:url": f"{base}/?s={share}",
            "og:image": f"{base}/card/{share}.jpg",
            "og:image:width": str(SIZE[0]),
            "og:image:height": str(SIZE[1]),
            "og:image:alt": "A face before and after the edit",
        }
        lines = [
            f'<meta property="{name}" content="{html.escape(content)}">'
            for name, content in pairs.items()
        ]
        lines += ['<meta name="twitter:card" content="summary_large_image">']
        lines += ['<meta name="robots" content="noindex">']
        lines += ['<meta name="referrer" content="same-origin">']  # the link is the key
        return "\n".join(lines).encode()


class _Rewriting:
    """Passes a response on, with the tags in its head and without the page's own of that name."""

    def __init__(self, send: Send, tags: bytes) -> None:
        self._send, self._tags = send, tags
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
        own = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>')
        head, end, rest = bytes(self._body).partition(_HEAD_END)
        body = own.sub(b"", head) + self._tags + end + rest if end else head
        headers = [(k, v) for k, v in self._start["headers"] if k.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _asked(scope: MutableMapping[str, Any]) -> str:
    """The `s` of the address; "" without one."""
    try:
        found = parse_qs(scope["query_string"].decode("ascii"), max_num_fields=20)
    except ValueError:
        return ""
    return found.get("s", [""])[0]


def _base(scope: MutableMapping[str, Any], root_path: str = "") -> str:
    """The address under which the visitor reaches the page, as far as the proxies tell.

    A header that is no host's name, or no path, is not believed: it would stand in the page.

    Args:
        root_path: the sub-path of the settings (GRADIO_ROOT_PATH), or a whole address.
    """
    root_path = root_path.rstrip("/")
    if root_path.startswith(("http://", "https://")):
        return root_path
    headers = {key.decode("latin-1").lower(): v.decode("latin-1") for key, v in scope["headers"]}
    first = {key: headers.get(key, "").split(",")[0].strip() for key in _FORWARDED}
    host = first["x-forwarded-host"] or first["host"]
    scheme = first["x-forwarded-proto"] or scope.get("scheme", "http")
    if not _HOST.fullmatch(host) or scheme not in ("http", "https"):
        return ""
    prefix = first["x-forwarded-prefix"].rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        prefix = ""
    return f"{scheme}://{host}{scope.get('root_path', '') or root_path or prefix}"


_FORWARDED = ("x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "host")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]{1,64}){1,8}", re.ASCII)
