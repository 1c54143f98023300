"""Bounds on connections: a head that does not end, an answer that nobody reads, too many of them.

uvicorn has a time limit on idle connections after their first request, and none on one that sends
the head of a request byte by byte, or reads nothing of its answer. Each holds a file of the process
for ever, of which a system gives it a thousand or so.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from web.middleware.caller import network_of


@dataclass(frozen=True)
class Limits:
    """Bounds on connections.

    Attributes:
        head: seconds from the connection, or the first byte of a later request, to the end of the
            request's head.
        stall: seconds in which a client reads nothing of an answer that waits for it.
        together: connections at a time; of more, those that wait for a head go, oldest first.
        of_address: the same of one network address.
    """

    head: float = 15.0
    stall: float = 60.0
    together: int = 512
    of_address: int = 64


class Connections:
    """Closes a server's connections that break `limits`; `sweep` has to be called now and then.

    now: a clock that does not jump, in seconds.
    """

    def __init__(
        self, limits: Limits | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits, self._now = limits or Limits(), now
        # What each connection did when it was last seen, and since when it did only that.
        self._since: dict[Any, tuple[tuple[Any, ...], float]] = {}

    def sweep(self, connections: Iterable[Any]) -> int:
        """Close what breaks a bound; how many were closed.

        connections: uvicorn's HTTP protocols (`server_state.connections`), in its event loop.
        """
        now, before = self._now(), self._since
        self._since, gone = {}, []
        for one in list(connections):
            state = _state_of(one)
            known = before.get(one)
            since = known[1] if known is not None and known[0] == state else now
            self._since[one] = (state, since)
            bound = {"head": self._limits.head, "unread": self._limits.stall}.get(state[0])
            if bound is not None and now - since > bound:
                gone.append(one)
        gone += self._too_many(gone)
        for one in gone:
            del self._since[one]
            one.transport.abort()
        return len(gone)

    def _too_many(self, gone: list[Any]) -> list[Any]:
        """Those that wait for a head and are beyond the bounds on their number, oldest first."""
        kept = [one for one in self._since if one not in gone]
        groups: dict[str, list[Any]] = defaultdict(list)
        for one in kept:
            groups[network_of((one.client or ("", 0))[0])].append(one)
        groups.pop("", None)  # many may be behind it
        found: list[Any] = []
        for group in groups.values():
            found += self._beyond(group, self._limits.of_address)
        left = [one for one in kept if one not in found]
        return found + self._beyond(left, self._limits.together)

    def _beyond(self, group: list[Any], bound: int) -> list[Any]:
        waiting = [one for one in group if self._since[one][0][0] in ("head", "idle")]
        waiting.sort(key=lambda one: self._since[one][1])
        return waiting[: max(len(group) - bound, 0)]


def _state_of(connection: Any) -> tuple[Any, ...]:
    """What a connection does, equal for as long as it does nothing else.

    "head": waits for the end of a request's head. "idle": between two requests, which uvicorn ends
    itself. "unread": so many bytes of the answer wait for the client. "busy": everything else.
    """
    cycle = getattr(connection, "cycle", None)
    if not hasattr(connection, "timeout_keep_alive_task"):  # a WebSocket
        return ("busy", 0, 0)
    if cycle is None or cycle.response_complete:
        idle = connection.timeout_keep_alive_task is not None
        return ("idle" if idle else "head", id(cycle), 0)
    unread = connection.transport.get_write_buffer_size()
    return ("unread" if unread else "busy", id(cycle), unread)
