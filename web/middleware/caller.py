"""Whose place in the line of personalisations a request takes."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import gradio as gr

from service.job_queue import Caller
from service.share_store import is_identifier

Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

_HEADER = "x-pti-caller"
_TOOLS = "/gradio_api/mcp"
# Only this process can write a header that begins so.
_OWN = secrets.token_urlsafe(32) + " "


def caller_of(request: gr.Request | None, secret: str = "") -> Caller:
    """Whom a request comes from.

    Args:
        request: Gradio's. One of a browser or of a `gradio_client` names its session.
        secret: of an owner of shares; tells the browsers and programs apart that send theirs.
    """
    if request is None:
        return Caller()
    address, from_tool = address_of(request), _is_from_tool(request)
    if is_identifier(secret):
        key = f"owner {secret}"
    elif from_tool:
        key = f"tools {address}"
    else:
        key = f"session {request.session_hash}" if request.session_hash else ""
    return Caller(key, network_of(address))


def network_asking(request: gr.Request | None) -> str:
    """The network address that a request comes from, as `network_of` has it."""
    return network_of(address_of(request)) if request is not None else ""


def address_of(request: Any) -> str:
    """The address of whoever makes a request (Gradio's or FastAPI's), also through a tool."""
    if _is_from_tool(request):
        return str(request.headers[_HEADER]).removeprefix(_OWN)
    return str(getattr(request.client, "host", "") or "")


def _is_from_tool(request: Any) -> bool:
    return str(request.headers.get(_HEADER) or "").startswith(_OWN)


def network_of(address: str) -> str:
    """What one household or office has of the internet: an IPv4 address, or 64 bits of IPv6.

    "" for an address that is not of the internet: behind this machine's own, or a private one, a
    proxy or a tunnel may bring everybody.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    if not found.is_global:
        return ""
    return str(found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))


class Callers:
    """An ASGI application around the page's that says where calls of MCP tools come from.

    Gradio carries them out through a client of its own, on this machine and in one session for
    all; it passes their headers on, so the address goes along in one.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and _TOOLS in scope["path"]:
            host = (scope.get("client") or ("", 0))[0]
            name, value = _HEADER.encode(), f"{_OWN}{host}".encode("latin-1", "replace")
            others = [(key, text) for key, text in scope["headers"] if key.lower() != name]
            scope = {**scope, "headers": [*others, (name, value)]}
        await self._app(scope, receive, send)
