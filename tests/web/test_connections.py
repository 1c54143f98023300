"""Which connections go, by a clock of the test's own; `test_server.py` has real sockets."""

from __future__ import annotations

from types import SimpleNamespace

from web.connections import Connections, Limits


class Wire:
    """What uvicorn knows of a connection."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.client, self.cycle, self.timeout_keep_alive_task = (host, 1), None, None
        self.unread, self.aborted = 0, False
        self.transport = SimpleNamespace(
            abort=lambda: setattr(self, "aborted", True),
            get_write_buffer_size=lambda: self.unread,
        )

    def begin(self) -> None:
        self.cycle = SimpleNamespace(response_complete=False)


def test_a_request_that_runs_is_left_alone_and_a_head_is_not():
    clock = SimpleNamespace(now=0.0)
    connections = Connections(Limits(head=15, stall=60), lambda: clock.now)
    busy, slow, again, idle = Wire(), Wire(), Wire(), Wire()
    for one in (busy, again, idle):
        one.begin()
    again.cycle.response_complete = idle.cycle.response_complete = True
    idle.timeout_keep_alive_task = object()  # uvicorn itself ends it
    socket = Wire()
    del socket.timeout_keep_alive_task  # a WebSocket
    every = {busy, slow, again, idle, socket}
    for clock.now in (0.0, 10.0, 16.0):
        connections.sweep(every)
    assert (busy.aborted, slow.aborted, again.aborted, idle.aborted) == (False, True, True, False)
    clock.now = 4000.0
    connections.sweep({busy, idle})
    assert not busy.aborted and not idle.aborted and not socket.aborted


def test_an_answer_of_which_something_is_read_goes_on():
    clock = SimpleNamespace(now=0.0)
    connections = Connections(Limits(head=15, stall=60), lambda: clock.now)
    reader, deaf = Wire(), Wire()
    for one in (reader, deaf):
        one.begin()
        one.unread = 70_000
    for clock.now in range(0, 200, 2):
        reader.unread -= 1
        connections.sweep([reader, deaf])
        if deaf.aborted:
            break
    assert clock.now == 62 and not reader.aborted


def test_an_address_has_so_many_connections_and_its_busy_ones_stay():
    clock = SimpleNamespace(now=0.0)
    connections = Connections(Limits(of_address=4, together=100), lambda: clock.now)
    old, other = [Wire("8.8.8.8") for _ in range(3)], [Wire("8.8.4.4") for _ in range(4)]
    old[0].begin()
    connections.sweep([*old, *other])
    clock.now = 1.0
    new = [Wire("8.8.8.8") for _ in range(3)]
    inner = [Wire("10.0.0.1") for _ in range(9)]  # a proxy: many may be behind it
    assert connections.sweep([*old, *other, *new, *inner]) == 2
    assert [one.aborted for one in old] == [False, True, True]
    assert not any(one.aborted for one in [*other, *new, *inner])
