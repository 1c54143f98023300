"""Answer requests that no route understands with a sentence, in place of a bare status 500."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

_log = logging.getLogger(__name__)

Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

SENTENCE = "This server does not understand the request; its endpoints stand at /gradio_api/info."


class Sentences:
    """An ASGI application around another one. What fails under /gradio_api/ fails by what was
    sent (an endpoint, a function or a session that does not exist); the log has the rest."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or "/gradio_api/" not in scope["path"]:
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            _log.info("a client was gone before its request was complete")
        except Exception:
            if started:
                raise
            _log.warning("a request was not understood", exc_info=True)
            answer = JSONResponse({"error": SENTENCE, "detail": SENTENCE}, 400)
            await answer(scope, receive, send)
