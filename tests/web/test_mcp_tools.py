"""The endpoints as tools of the Model Context Protocol, called by its own client."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import io
from collections.abc import Iterator

import pytest
from PIL import Image

from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from pti_core.editing.controls import controls_of
from pti_core.faces.images import FORMAT_NAMES
from service.share_store import Store
from service.studio import Studio
from tests.helpers.small import ENDLESS, SHORT, small_tuning_models
from web.serve import create_app, serve

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mcp") is None, reason="mcp is not installed (gradio[mcp])"
)


@pytest.fixture(scope="module")
def studio(generator, lpips, directions) -> Studio:
    models = small_tuning_models(generator, lpips, directions)
    return Studio(lambda report: models, {"short": SHORT, "endless": ENDLESS})


@pytest.fixture(scope="module")
def url(studio, directions, tmp_path_factory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("shares"))
    blocks = create_app(studio, controls_of(directions.values()), store=store)
    yield serve(blocks, store, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


def talk(url: str, conversation) -> None:
    """Have a conversation with the tools at this address."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def run() -> None:
        async with (
            streamable_http_client(f"{url}gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            await conversation(session)

    asyncio.run(run())


async def call(session, name: str, **arguments) -> list:
    answer = await session.call_tool(name, arguments)
    assert not answer.isError, answer.content
    return answer.content


async def refused(session, name: str, **arguments) -> str:
    answer = await session.call_tool(name, arguments)
    assert answer.isError
    return answer.content[0].text


def test_photographs_are_fetched_from_the_public_internet_only(url):
    """Gradio's own filter would pass that address, which is a carrier's own."""

    async def conversation(session) -> None:
        told = await refused(session, "align", photograph="http://100.64.0.1/x.jpg")
        assert "public internet" in told

    talk(url, conversation)


def test_tools_are_described(url):
    async def conversation(session) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        own = {"align", "personalise", "stop", "edit", "save_session", "open_session", "forget"}
        own |= {"directions", "status", "share", "open_share", "shares", "rename_share"}
        assert own | {"delete_share"} <= set(tools)
        assert not any(name.startswith("page") for name in tools)
        for name in sorted(own):
            tool = tools[name]
            assert len(tool.description or "") > 40, name
            for parameter, schema in tool.inputSchema["properties"].items():
                assert schema.get("description"), f"{name}: {parameter}"
                kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
                assert all(isinstance(kind, str) for kind in kinds), f"{name}: {parameter}"
        assert "directions" in tools["edit"].inputSchema["properties"]["edits"]["description"]

    talk(url, conversation)


@pytest.mark.slow
def test_a_tool_personalises_and_edits(url, make_picture):
    photograph = _photograph(make_picture)

    async def conversation(session) -> None:
        told, face, _ = await call(session, "align", photograph=photograph)
        assert face.type == "image"
        desk = told.text
        (told,) = await call(session, "personalise", desk=desk, preset="short")
        assert "'report'" in told.text and "'done'" in told.text
        picture, _ = await call(session, "edit", desk=desk, edits={"age": 10}, view="photograph")
        data = base64.b64decode(picture.data)
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.size) == ("PNG", (120, 100))
        assert DIGITAL_SOURCE_TYPE.encode() in data  # the mark arrives, too
        assert "outside" in await refused(session, "edit", desk=desk, edits={"age": 1e6})
        assert "no longer kept" in await refused(session, "edit", desk="x", edits={})

    talk(url, conversation)


def test_a_square_reaches_the_tool(url, make_picture):
    photograph = _photograph(make_picture)

    async def conversation(session) -> None:
        for square in ([10, 5, 80], "whole"):
            _, face, _ = await call(session, "align", photograph=photograph, square=square)
            assert face.type == "image"
        told = await refused(session, "align", photograph=photograph, square=[1, 2])
        assert "left, top, side" in told

    talk(url, conversation)


def test_the_formats_that_are_named_are_those_that_are_read(url):
    async def conversation(session) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        told = tools["align"].inputSchema["properties"]["photograph"]["description"]
        assert FORMAT_NAMES in " ".join(told.split())

    talk(url, conversation)


def test_limits_apply_to_tools(url, studio, make_picture):
    photograph = _photograph(make_picture)

    async def conversation(session) -> None:
        workspaces = [
            (await call(session, "align", photograph=photograph))[0].text for _ in range(2)
        ]
        running = asyncio.create_task(
            call(session, "personalise", desk=workspaces[0], preset="endless")
        )
        while studio.line.job_of(workspaces[0]) is None:
            assert not running.done()
            await asyncio.sleep(0.05)
        told = await refused(session, "personalise", desk=workspaces[1], preset="short")
        assert "Another face of yours" in told
        await call(session, "stop", desk=workspaces[0])
        assert "'person'" in (await running)[0].text

    talk(url, conversation)


def _photograph(make_picture) -> str:
    stream = io.BytesIO()
    make_picture(120, 100).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
