"""Work that takes seconds to minutes beside the page, which asks how far it is: text, animation."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pti_core.errors import CheckpointError, UserError
from web.actions import Ask
from web.error_wrappers import sentence

#: Tasks that are remembered; each is a few numbers and a result.
_KEPT = 64
#: Those under way at a time: for one face, from one network address, and in all.
MAX_OF_WORKSPACE, MAX_OF_ADDRESS, MAX_OF_ALL = 2, 6, 24
#: One that no page has asked for in so many seconds ends; a page asks twice a second.
UNSEEN_SECONDS = 120.0


@dataclass(eq=False)
class Task:
    """One piece of work.

    Attributes:
        done: share of it, 0 to 1.
        said: what it does now.
        picture: path of its latest preview.
        stop: set when a person wants it to end with what it has.
        workspace, address: whose it is.
        seen: when a page asked for it last, as `time.monotonic` counts.
    """

    workspace: str = ""
    address: str = ""
    done: float = 0.0
    said: str = ""
    picture: str = ""
    result: Mapping[str, Any] | None = None
    error: BaseException | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    seen: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.result is not None or self.error is not None

    @property
    def unwanted(self) -> bool:
        """Whether it should end: somebody stopped it, or nobody waits for it any more."""
        return self.stop.is_set() or time.monotonic() - self.seen > UNSEEN_SECONDS


class Tasks:
    """Tasks by an identifier that nobody can guess."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, ask: Ask, work: Callable[[Task], Mapping[str, Any]]) -> dict[str, str]:
        """Begin it in a thread of its own; answers with its identifier.

        Raises:
            UserError: so many are under way already, for this face, from this network or in all.
        """
        task, name = Task(workspace=ask.workspace, address=ask.address), secrets.token_urlsafe(16)
        with self._lock:
            self._check_room(task)
            self._tasks[name] = task
            for old in [known for known, one in self._tasks.items() if one.over]:
                if len(self._tasks) > _KEPT:
                    del self._tasks[old]

        def run() -> None:
            try:
                task.result = work(task)
            except BaseException as error:  # said to the page that asks
                task.error = error

        threading.Thread(target=run, name="page task", daemon=True).start()
        return {"task": name}

    def _check_room(self, task: Task) -> None:
        running = [one for one in self._tasks.values() if not one.over]
        if sum(one.workspace == task.workspace for one in running) >= MAX_OF_WORKSPACE:
            raise UserError("This face is being worked on already; wait for that, or stop it.")
        of_address = sum(one.address == task.address for one in running if one.address)
        if of_address >= MAX_OF_ADDRESS or len(running) >= MAX_OF_ALL:
            raise UserError("Too many animations and text edits are made here now; try again soon.")

    def look(self, ask: Ask) -> Mapping[str, Any]:
        """How far a task is; its result once it is over."""
        task = self._of(ask)
        if isinstance(task.error, CheckpointError):
            raise task.error
        if task.error is not None:
            raise UserError(sentence(task.error))
        told = {"done": task.done, "said": task.said, "picture": task.picture}
        return told if task.result is None else {**told, "result": task.result}

    def stop(self, ask: Ask) -> Mapping[str, Any]:
        self._of(ask).stop.set()
        return {}

    def _of(self, ask: Ask) -> Task:
        task = self._tasks.get(ask.text("task"))
        if task is None:
            raise UserError("That is no longer under way; please try again.")
        task.seen = time.monotonic()
        return task
