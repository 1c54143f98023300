"""Bounds on Gradio's queue of events: nobody fills it for others, and nothing runs for nobody.

Gradio has one bound for all events together, so that one caller's 300 animations refuse everybody's
edits, and what should help then (stop, delete) too. It also runs what nobody waits for.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from gradio.utils import cancel_tasks

from service.free_disk import LAST_FLOOR, NO_ROOM, DiskFullError, check_free_disk
from web.connections import Connections
from web.middleware.caller import address_of, network_of

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

#: Events that may wait: in all, in one lane (a `concurrency_id`), of one session and of one network
#: address.
MAX_WAITING_EVENTS, MAX_OF_LANE, MAX_OF_SESSION, MAX_OF_ADDRESS = 512, 64, 24, 48
#: The same in lanes whose events take tens of seconds.
MAX_OF_LONG_LANE, LONG_LANES = 16, ("frames", "strip")
#: Events that end something: these are taken whatever else waits.
CONTROLS = ("stop", "forget", "delete_share", "status")
#: An event that nobody listens to goes after so many seconds; clients listen at once.
DEAF_SECONDS, SECONDS_BETWEEN_SWEEPS = 6.0, 2.0
#: What was said to a session that nobody listens to, and that asks for nothing, is kept so long.
QUIET_SECONDS = 60.0
#: One makes room for others where there is none, after the time in which an honest client has begun
#: to listen as a rule.
UNHEARD_SECONDS = 0.05

FULL = "Too many requests wait here already; try again in a minute."
OF_NETWORK = "Too many requests from your network wait here already; try again in a minute."


class Messages(dict[str, Any]):
    """What is to be said to each session. Gradio keeps the 2000 that came last, so that as many
    calls that nobody hears take the messages of somebody who does, and stop the queue for ever."""

    def __delitem__(self, session: str) -> None:
        self.pop(session, None)  # it may have been forgotten meanwhile


class QueueGuard:
    """The bounds of one page's queue; `listening` tells it who listens."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self._blocks = blocks
        self._streams: Counter[str] = Counter()  # open ones, by session
        self._left: dict[str, float] = {}  # session to when its last stream was closed
        self._quiet: dict[str, float] = {}  # session to since when nothing of it goes on
        self._connections = Connections()

    # ------------------------------------------------------------------------------------- bounds

    def install(self) -> None:
        """Have the page's queue refuse what is beyond the bounds."""
        queue: Any = self._blocks._queue
        queue.max_size = None  # for all events together: replaced by those of this module
        queue.pending_messages_per_session = Messages(queue.pending_messages_per_session)
        send = queue.send_message

        def send_where_kept(event: Any, message: Any) -> None:
            if event.session_hash in queue.pending_messages_per_session:
                send(event, message)

        queue.send_message = send_where_kept
        push = queue.push

        async def bounded(body: Any, request: Any, username: Any) -> tuple[bool, Any, str]:
            refused, crowd = self._refusal(body, request)
            while refused and await self._drop_unheard(crowd):
                refused, crowd = self._refusal(body, request)
            return (
                (False, refused, "queue_full")
                if refused
                else await push(body=body, request=request, username=username)
            )

        queue.push = bounded

    def _refusal(self, body: Any, request: Any) -> tuple[str, list[Any]]:
        """Why an event is not taken ("" where it is), and the events whose place it would need."""
        fn = self._blocks.fns.get(body.fn_index)
        if fn is None or fn.api_name in CONTROLS:
            return "", []
        try:  # most events write a picture for the browser
            check_free_disk(tempfile.gettempdir(), floor=LAST_FLOOR)
        except DiskFullError:
            return NO_ROOM, []
        waiting = self._waiting()
        if len(waiting) >= MAX_WAITING_EVENTS:
            return FULL, waiting
        lane = [event for event in waiting if event.concurrency_id == fn.concurrency_id]
        if len(lane) >= (MAX_OF_LONG_LANE if fn.concurrency_id in LONG_LANES else MAX_OF_LANE):
            return FULL, lane
        session, address = body.session_hash, network_of(address_of(request))
        own = [event for event in waiting if session and event.session_hash == session]
        if len(own) >= MAX_OF_SESSION:
            return "Too many requests of yours wait here already; wait for them first.", own
        near = [e for e in waiting if address and network_of(address_of(e.request)) == address]
        if len(near) >= MAX_OF_ADDRESS:
            return OF_NETWORK, near
        return "", []

    async def _drop_unheard(self, crowd: list[Any]) -> bool:
        """Drop the one of `crowd` that nobody has listened to for longest; False if there is none.

        So whoever fills the queue and listens to nothing takes nobody's place.
        """
        newest = time.monotonic() - UNHEARD_SECONDS
        unheard = [
            event
            for event in crowd
            if not self._streams[event.session_hash] and event.enqueue_time < newest
        ]
        if not unheard:
            return False
        oldest = min(unheard, key=lambda event: event.enqueue_time)
        await self._drop(oldest)
        return True

    async def _drop(self, event: Any) -> None:
        """Take a waiting event out of the queue, and its session with it if that was all of it."""
        queue, session = self._blocks._queue, event.session_hash
        await queue.clean_events(event_id=event._id)
        if not self._streams[session] and session not in self._sessions_at_work():
            self._forget(session)

    def _forget(self, session: str) -> None:
        queue = self._blocks._queue
        queue.pending_messages_per_session.pop(session, None)
        queue.pending_event_ids_session.pop(session, None)

    def _running(self) -> list[Any]:
        return [event for events in self._blocks._queue.active_jobs if events for event in events]

    def _sessions_at_work(self) -> set[str]:
        return {event.session_hash for event in [*self._waiting(), *self._running()]}

    def _waiting(self) -> list[Any]:
        queues = self._blocks._queue.event_queue_per_concurrency_id.values()
        return [event for queue in queues for event in queue.queue]

    # ---------------------------------------------------------------------------------- listening

    def listening(self, app: Application) -> Application:
        """An ASGI application around another one that notes who listens to which session."""

        async def listened(scope: Scope, receive: Any, send: Any) -> None:
            session = self._session_of(scope)
            if not session:
                await app(scope, receive, send)
                return
            self._streams[session] += 1
            try:
                await app(scope, receive, send)
            finally:
                self._streams[session] -= 1
                if not self._streams[session]:
                    del self._streams[session]
                self._left[session] = time.monotonic()

        return listened

    def _session_of(self, scope: Scope) -> str:
        """The session whose events a request listens to; "" if it does not."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return ""
        path = scope["path"].rstrip("/")
        if path.endswith("/queue/data"):
            asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
            return asked.get("session_hash", [""])[0]
        if "/gradio_api/call/" in path:
            event_id = path.rpartition("/")[2]
            event = self._blocks._queue.event_ids_to_events.get(event_id)
            return event.session_hash if event else event_id
        return ""

    async def keep_swept(self) -> None:
        """Drop what nobody listens to, now and then, until cancelled."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_SWEEPS)
            try:
                await self.sweep()
            except Exception:  # one that ended meanwhile must not end the sweeping
                _log.warning("the queue could not be swept", exc_info=True)

    async def sweep(self) -> None:
        """Drop events that nobody has listened to for `DEAF_SECONDS`: those that wait leave the
        queue, those that run are cancelled, which ends a personalisation that no page follows."""
        server = getattr(self._blocks, "server", None)  # None while it starts
        if server is not None and hasattr(server, "server_state"):
            self._connections.sweep(server.server_state.connections)
        now = time.monotonic()
        running = self._running()
        # A task that is cancelled before its first step never gives back its place in its lane;
        # those of `running` take theirs now.
        await asyncio.sleep(0)
        for event in self._waiting():
            if self._is_deaf(event, now):
                await self._drop(event)
        for event in running:
            if self._is_deaf(event, now):
                event.alive = False
                await cancel_tasks({f"{event.session_hash}_{event.fn._id}"})
        self._forget_quiet(now)
        recent = now - 10 * DEAF_SECONDS
        self._left = {session: at for session, at in self._left.items() if at > recent}

    def _forget_quiet(self, now: float) -> None:
        """Forget what was said to sessions of which nothing has gone on for a while."""
        messages, at_work = (
            self._blocks._queue.pending_messages_per_session,
            self._sessions_at_work(),
        )
        quiet = [s for s in messages if s not in at_work and not self._streams[s]]
        self._quiet = {session: self._quiet.get(session, now) for session in quiet}
        for session, since in self._quiet.items():
            if now - since > QUIET_SECONDS:
                self._forget(session)

    def _is_deaf(self, event: Any, now: float) -> bool:
        if self._streams[event.session_hash]:
            return False
        since = max(event.enqueue_time, self._left.get(event.session_hash, 0.0))
        return now - since > DEAF_SECONDS


class Listening:
    """`QueueGuard.listening` as middleware."""

    def __init__(self, app: Application, guard: QueueGuard) -> None:
        self._app = guard.listening(app)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)
