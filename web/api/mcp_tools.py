"""The endpoints as tools of the Model Context Protocol (MCP), where its package is installed.

Gradio makes the tools from the named endpoints and their docstrings. What of that does not
work in Gradio 6.31 is put right here.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import gradio as gr
from anyio import CancelScope
from anyio.to_thread import run_sync

#: Kinds of JSON that are no objects, by the parameter's name.
_JSON: dict[str, list[str]] = {"square": ["array", "string", "null"]}


def available() -> bool:
    """Whether tools can be served: `gradio[mcp]` is installed."""
    return importlib.util.find_spec("mcp") is not None


def mend(app: gr.Blocks) -> None:
    """Before the first request: a schema for JSON, several outputs one by one, pictures with
    their mark. Gradio makes the server of the tools while it launches."""
    server: Any = app.mcp_server_obj
    if server is None:
        return
    server._execute_tool_without_progress = _outputs_of
    with_progress = server._execute_tool_with_progress

    async def execute_with_progress(job: Any, token: Any) -> list[Any]:
        return await _while_connected(job, with_progress(job, token))

    server._execute_tool_with_progress = execute_with_progress
    server.get_base64_data = _file_as_it_is
    for endpoint in server.api_info["named_endpoints"].values():
        for parameter in endpoint["parameters"]:
            if parameter["type"].get("type") == {}:  # Gradio's for JSON, which no schema allows
                kind = _JSON.get(parameter["parameter_name"], "object")
                parameter["type"] = {"type": kind}


async def _outputs_of(job: Any) -> list[Any]:
    """Each output by itself; Gradio makes one text of them all."""
    result = await _while_connected(job, run_sync(job.result, abandon_on_cancel=True))
    return list(result) if isinstance(result, tuple) else [result]


async def _while_connected(job: Any, result: Awaitable[Any]) -> Any:
    """What a call's job ends with. When whoever called is gone, this is cancelled, and so is the
    job: Gradio's own client would go on listening for them."""
    try:
        return await result
    except asyncio.CancelledError:
        with CancelScope(shield=True):
            await run_sync(job.cancel)
        raise


def _file_as_it_is(image: Any, kind: str) -> str:
    """A picture's file in base64. Gradio would write it anew, without the mark in it."""
    return base64.b64encode(Path(image.filename).read_bytes()).decode("ascii")
