"""The endpoints as tools of the Model Context Protocol (MCP), where its package is installed.

Gradio makes the tools from the named endpoints and their docstrings. Two things that it does to
what they answer are put right here.
"""

from __future__ import annotations

import base64
import importlib.util
from pathlib import Path
from typing import Any

import gradio as gr
from anyio.to_thread import run_sync


def available() -> bool:
    """Whether tools can be served: `gradio[mcp]` is installed."""
    return importlib.util.find_spec("mcp") is not None


def mend(app: gr.Blocks) -> None:
    """After the launch: several outputs come one by one, and pictures with their mark."""
    server: Any = app.mcp_server_obj
    if server is not None:
        server._execute_tool_without_progress = _outputs_of
        server.get_base64_data = _file_as_it_is


async def _outputs_of(job: Any) -> list[Any]:
    """Each output by itself; Gradio 6.31 makes one text of them all."""
    result = await run_sync(job.result)
    return list(result) if isinstance(result, tuple) else [result]


def _file_as_it_is(image: Any, kind: str) -> str:
    """A picture's file in base64. Gradio would write it anew, without the mark in it."""
    return base64.b64encode(Path(image.filename).read_bytes()).decode("ascii")
