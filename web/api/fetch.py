"""Fetch a photograph that a tool names by its address: from public servers only, within bounds.

Gradio's own filter passes addresses that are not public (100.64.0.0/10, 192.0.0.0/24, 6to4) and
reads answers of any length.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from gradio import processing_utils
from safehttpx import AsyncSecureTransport

from pti_core.errors import UserError
from service.free_disk import check_free_disk

MAX_BYTES = 200 * 2**20
MAX_REDIRECTS = 5
#: For all of it, redirects included.
SECONDS = 60

_NOT_PUBLIC = [
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carriers' own
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "2001::/32",  # Teredo: an IPv4 address inside
        "2002::/16",  # 6to4: an IPv4 address inside
        "64:ff9b::/96",  # NAT64: an IPv4 address inside
        "64:ff9b:1::/48",
        "fec0::/10",  # site-local, of old
    )
]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, and of nobody's inner network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    inner = found.is_multicast or found.is_reserved or found.is_unspecified or not found.is_global
    return not inner and not any(
        found.version == network.version and found in network for network in _NOT_PUBLIC
    )


async def fetch(url: str, cache_dir: str, public: Callable[[str], bool] = is_public) -> str:
    """Fetch a file into a folder of its own under `cache_dir` (Gradio calls it so); its path.

    Raises:
        UserError: the server is not public, does not answer, or answers with more than `MAX_BYTES`.
    """
    try:
        async with asyncio.timeout(SECONDS):
            for _ in range(MAX_REDIRECTS + 1):
                path, url = await _fetch_once(url, cache_dir, public)
                if path:
                    return path
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        raise UserError("The photograph could not be fetched from that address.") from error
    raise UserError("That address leads from one to another without end; give the photograph's.")


async def _fetch_once(url: str, folder: str, public: Callable[[str], bool]) -> tuple[str, str]:
    """Path of the file, or "" and where the server sends one on to."""
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UserError("Photographs are fetched from http and https addresses only.")
    transport = AsyncSecureTransport(await _address_of(parsed.host, public))
    async with (
        httpx.AsyncClient(transport=transport, timeout=20) as client,
        client.stream("GET", url) as response,
    ):
        if response.has_redirect_location:
            return "", urljoin(url, response.headers["location"])
        if response.status_code != 200:
            raise UserError(f"The server of that address answers {response.status_code}.")
        return await _save(response, url, folder), ""


async def _address_of(host: str, public: Callable[[str], bool]) -> str:
    """The address that is connected to: all that the name stands for must be public."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(public(address) for address in addresses):
        raise UserError("Only servers of the public internet are asked for photographs.")
    return addresses[0]


async def _save(response: httpx.Response, url: str, folder: str) -> str:
    own = Path(folder) / hashlib.sha256(url.encode()).hexdigest()
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    count = 0
    with tempfile.NamedTemporaryFile(dir=own, delete=False) as file:
        try:
            async for piece in response.aiter_bytes():
                count += len(piece)
                if count > MAX_BYTES:
                    raise UserError(f"The photograph is larger than {MAX_BYTES // 2**20} MB.")
                check_free_disk(own, len(piece))
                file.write(piece)
        except BaseException:
            Path(file.name).unlink()
            raise
    return file.name


async def _refuse(url: str) -> httpx.Response:
    raise UserError("Addresses of other servers are not passed on here.")


def fetch_by_these_rules() -> None:
    """Have Gradio fetch what programs name by an address through `fetch`, and nothing else."""
    gradio_utils: Any = processing_utils
    gradio_utils.async_ssrf_protected_download = fetch
    gradio_utils.async_ssrf_protected_get = _refuse
