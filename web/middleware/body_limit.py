"""Bound the size and the duration of request bodies, before anything parses them.

A body of JSON is parsed in one go by the thread that serves everybody: 30 MB of empty lists take
25 s and 2.4 GB there. What is no upload is therefore read here, up to `MAX_BODY`, and passed on
whole; an upload is passed on as it comes, with its size, its rate and its company bounded.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from service.free_disk import DiskFullError, check_free_disk
from web.files import CACHE_SECONDS
from web.middleware.caller import network_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

UPLOAD_PATH, TOOLS_PATH = "/gradio_api/upload", "/gradio_api/mcp"


@dataclass(frozen=True)
class Limits:
    """Bounds on bodies, in bytes and seconds.

    Attributes:
        body: of a request that is no upload.
        tool: of a tool call, which may hold a photograph as one string of base64.
        tool_commas: commas and brackets in a tool call above `body`: parsing takes time by these.
        together: of all bodies that are being read at a time, uploads apart.
        upload: of an upload's body, its multipart framing included.
        uploads, uploads_of_one: at a time, of all and of one network address.
        kept_of_one: of all uploads of a network address within `keeping` seconds, as long as their
            files may lie in the temporary folder.
        seconds: for the whole body of a request that is no upload.
        silence: between two pieces of an upload.
        grace, rate: an upload may take `grace` seconds, and one more for each `rate` bytes.
    """

    body: int = 2**20
    tool: int = 32 * 2**20
    tool_commas: int = 100_000
    together: int = 96 * 2**20
    upload: int = 201 * 2**20
    uploads: int = 32
    uploads_of_one: int = 4
    kept_of_one: int = 2**31
    keeping: float = 2 * CACHE_SECONDS
    seconds: float = 30.0
    silence: float = 30.0
    grace: float = 60.0
    rate: int = 8192


class _Refused(Exception):
    """A body breaks a bound: an HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class _Gone(Exception):
    """The client closed the connection before its body was complete."""


class BodyLimit:
    """An ASGI application around another one that refuses bodies that are too long or too slow."""

    def __init__(self, app: Application, limits: Limits | None = None) -> None:
        self._app, self._limits = app, limits or Limits()
        self._reading = 0  # bytes of bodies that are being read
        self._uploads: Counter[str] = Counter()  # running, by network address
        self._kept = _Kept(self._limits.kept_of_one, self._limits.keeping)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        try:
            if scope["path"].rstrip("/").endswith(UPLOAD_PATH):
                await self._pass_upload(scope, receive, send)
                return
            body = await self._read(scope, receive)
        except _Refused as refusal:
            await _answer(send, refusal)
            return
        except _Gone:
            return
        await self._app(scope, _replayed(body, receive), send)

    # ------------------------------------------------------------------------------- whole bodies

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        """The body; raises _Refused, _Gone."""
        tool = TOOLS_PATH in scope["path"]
        bound = self._limits.tool if tool else self._limits.body
        _check_length(scope, bound)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._fill(body, receive, bound)
        except TimeoutError:
            raise _Refused(408, "The request took too long to arrive; send it again.") from None
        finally:
            self._reading -= len(body)
        if tool and len(body) > self._limits.body:  # the photograph in it becomes a file
            _check_disk()
            self._kept.add(_address_of(scope), len(body))
        if len(body) > self._limits.body and _punctuation(body) > self._limits.tool_commas:
            raise _too_long(self._limits.body)
        return bytes(body)

    async def _fill(self, body: bytearray, receive: Receive, bound: int) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            piece = message.get("body", b"")
            if len(body) + len(piece) > bound:
                raise _too_long(bound)
            if self._reading + len(piece) > self._limits.together:
                raise _Refused(503, "Too many requests arrive at once; try again in a minute.")
            body += piece
            self._reading += len(piece)
            more = message.get("more_body", False)

    # ------------------------------------------------------------------------------------ uploads

    async def _pass_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an upload on as it comes; raises _Refused."""
        limits = self._limits
        _check_length(scope, limits.upload)
        _check_disk()
        address = _address_of(scope)  # "": many may be behind it
        if self._uploads.total() >= limits.uploads or (
            address and self._uploads[address] >= limits.uploads_of_one
        ):
            raise _Refused(429, "Too many files are uploaded at once; try again in a minute.")
        self._kept.add(address, 0)
        self._uploads[address] += 1
        try:
            await _Upload(self._app, limits, send, partial(self._kept.add, address)).run(
                scope, receive
            )
        finally:
            self._uploads[address] -= 1
            self._uploads = +self._uploads


class _Kept:
    """Bytes that each address sent of late, as long as their files may lie on the disk."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._bytes: Counter[str] = Counter()
        self._arrived: deque[tuple[float, str, int]] = deque()  # when, from where, how many

    def add(self, address: str, size: int) -> None:
        """Count some more; raises _Refused where that is too much. "" is not counted."""
        since = time.monotonic() - self._seconds
        while self._arrived and self._arrived[0][0] < since:
            _, gone, less = self._arrived.popleft()
            self._bytes[gone] -= less
            if self._bytes[gone] <= 0:
                del self._bytes[gone]
        if not address:
            return
        if self._bytes[address] + size > self._most or self._bytes[address] == self._most:
            raise _Refused(
                429,
                "So much has been uploaded from your network lately; try again in twenty minutes.",
            )
        if size:
            self._bytes[address] += size
            self._arrived.append((time.monotonic(), address, size))


class _Upload:
    """One upload: its pieces are counted and timed on their way to the application.

    keep: counts the bytes of its address; raises _Refused.
    """

    def __init__(
        self, app: Application, limits: Limits, send: Send, keep: Callable[[int], None]
    ) -> None:
        self._app, self._limits, self._send, self._keep = app, limits, send, keep
        self._refusal: _Refused | None = None
        self._started = False
        self._count, self._began = 0, time.monotonic()

    async def run(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        try:
            await self._app(scope, self._piece, self._answer)
        except Exception:
            if self._refusal is None:
                raise
        if self._refusal is not None and not self._started:
            raise self._refusal

    async def _piece(self) -> Message:
        """The next piece; where a bound is broken, what a closed connection gives."""
        limits = self._limits
        try:
            async with asyncio.timeout(limits.silence):
                message = await self._receive()
        except TimeoutError:
            self._refusal = _Refused(408, "The upload stopped; send the file again.")
            return {"type": "http.disconnect"}
        self._count += len(message.get("body", b""))
        if self._count > limits.upload:
            self._refusal = _too_long(limits.upload)
        elif time.monotonic() - self._began > limits.grace + self._count / limits.rate:
            self._refusal = _Refused(408, "The upload is too slow; send the file again.")
        else:
            try:
                _check_disk()
                self._keep(len(message.get("body", b"")))
            except _Refused as refusal:
                self._refusal = refusal
        return message if self._refusal is None else {"type": "http.disconnect"}

    async def _answer(self, message: Message) -> None:
        if self._refusal is None:
            self._started = self._started or message["type"] == "http.response.start"
            await self._send(message)


def _check_length(scope: Scope, bound: int) -> None:
    """Refuse by the header what would be refused by its bytes."""
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and not (value.isdigit() and int(value) <= bound):
            raise _too_long(bound)


def _address_of(scope: Scope) -> str:
    return network_of((scope.get("client") or ("", 0))[0])


def _check_disk() -> None:
    """Refuse what would be written to a disk that is nearly full."""
    try:
        check_free_disk(tempfile.gettempdir())
    except DiskFullError as error:
        raise _Refused(507, str(error)) from None


def _too_long(bound: int) -> _Refused:
    return _Refused(413, f"The request is too long; at most {bound // 2**20} MB are taken here.")


def _punctuation(body: bytearray) -> int:
    return sum(body.count(mark) for mark in (b",", b"[", b"{", b":"))


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What gives the body at once, then whatever the connection tells."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


async def _answer(send: Send, refusal: _Refused) -> None:
    text = json.dumps({"error": refusal.sentence, "detail": refusal.sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
