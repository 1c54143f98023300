"""What a slider shows while it moves: one small picture a request, past Gradio's queue and files.

Gradio's way of an event takes some 80 ms by itself; a tenth of a second is all there is. page.js
asks here, one request at a time, and takes the way of Gradio's events where this one fails. The
full picture of a slider that was let go is had here too, before Gradio's event brings it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pti_core.errors import UserError
from service.studio import VIEWS, Studio
from web.actions import BROKEN, is_amount
from web.api.endpoints import checked
from web.picture_options import apply_options

Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

_log = logging.getLogger(__name__)

PATH = "/moving"
#: A thousand edits are shorter.
MAX_BODY = 64 * 1024
#: Pictures that are asked for and not made yet; a page asks for one at a time.
MAX_WAITING_PREVIEWS = 16
#: The same in full: they wait for each other, and threads that wait are previews' no more.
MAX_RESTING = 2


class LivePreviews:
    """An ASGI application around the page's that answers POST /moving.

    It takes the JSON {"desk": id, "edits": {name: amount}, "view": "face", "full": false}, as
    `Endpoints.edit` does, and answers with a JPEG file, of what is shown when the slider rests
    where "full" is true; with a sentence as text and a status from 400 on where it
    cannot. Who knows the workspace's identifier may use it, as everywhere.
    """

    def __init__(self, app: Application, studio: Studio) -> None:
        self._app, self._studio = app, studio
        self._waiting = self._resting = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        mine = scope["type"] == "http" and scope["method"] == "POST"
        if mine and scope["path"].removeprefix(scope.get("root_path", "")) == PATH:
            response = await self._answer(Request(scope, receive))
            response.headers["cache-control"] = "no-store"
            response.headers["x-content-type-options"] = "nosniff"
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            workspace, edits, view, full, told = _read(await _body(request))
        except UserError as error:
            return PlainTextResponse(str(error), 400)
        # Counted once it is read: a slow request takes nobody's place.
        if self._waiting >= MAX_WAITING_PREVIEWS:
            return PlainTextResponse("Too many pictures are asked for at once.", 503)
        self._waiting += 1
        try:
            apply_options(self._studio, workspace, told)
            if full:
                return await self._rested(workspace, edits, view)
            picture = await asyncio.to_thread(self._studio.preview, workspace, edits, view)
        except UserError as error:
            return PlainTextResponse(str(error), 400)
        except Exception:
            _log.exception("a picture could not be made")
            return PlainTextResponse(BROKEN, 500)
        finally:
            self._waiting -= 1
        return Response(picture, media_type="image/jpeg")

    async def _rested(self, workspace: str, edits: dict[str, Any], view: str) -> Response:
        """The full picture; refused where others wait already, as Gradio's event brings it, too."""
        if self._resting >= MAX_RESTING:
            return PlainTextResponse("Too many pictures are asked for at once.", 503)
        self._resting += 1
        try:
            _, picture = await asyncio.to_thread(self._studio.screen, workspace, edits, view)
        finally:
            self._resting -= 1
        return Response(picture, media_type="image/jpeg")


async def _body(request: Request) -> bytes:
    """The body; UserError where it is longer than any honest one."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MAX_BODY:
            raise UserError("The request is too long.")
    return bytes(data)


def _read(data: bytes) -> tuple[str, dict[str, Any], str, bool, dict[str, Any]]:
    """Workspace, edits, view, whether in full, and all of a request's body.

    Raises UserError where it holds something else.
    """
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise UserError("Give desk, edits and view as a JSON object.")
    workspace, view = told.get("desk"), told.get("view", VIEWS[0])
    if not isinstance(workspace, str) or not isinstance(view, str):
        raise UserError("Workspace and view are text.")
    edits = checked(told.get("edits"))
    if not all(map(is_amount, edits.values())):
        raise UserError("Amounts of edits are numbers.")
    return workspace, edits, view, told.get("full") is True, told
