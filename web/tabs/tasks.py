"""Work that takes seconds to minutes beside the page, which asks how far it is: text, animation."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pti_core.errors import CheckpointError, UserError
from web.actions import Ask
from web.user_errors import sentence

#: Tasks that are remembered; each is a few numbers and a result.
_KEPT = 64


@dataclass(eq=False)
class Task:
    """One piece of work.

    Attributes:
        done: share of it, 0 to 1.
        said: what it does now.
        picture: path of its latest preview.
        stop: set when a person wants it to end with what it has.
    """

    done: float = 0.0
    said: str = ""
    picture: str = ""
    result: Mapping[str, Any] | None = None
    error: BaseException | None = None
    stop: threading.Event = field(default_factory=threading.Event)


class Tasks:
    """Tasks by an identifier that nobody can guess."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, work: Callable[[Task], Mapping[str, Any]]) -> dict[str, str]:
        """Begin it in a thread of its own; answers with its identifier."""
        task, name = Task(), secrets.token_urlsafe(16)
        with self._lock:
            self._tasks[name] = task
            while len(self._tasks) > _KEPT:
                self._tasks.popitem(last=False)

        def run() -> None:
            try:
                task.result = work(task)
            except BaseException as error:  # said to the page that asks
                task.error = error

        threading.Thread(target=run, name="page task", daemon=True).start()
        return {"task": name}

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
        return task
