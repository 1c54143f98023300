"""What the page's script asks of the server: named actions, each from a JSON object to another.

The script calls `Actions.call` through the page's `gr.HTML` component. An action that refuses
answers {"error": sentence}; {"gone": true} beside it says that the workspace is no longer kept,
{"no_face": true} that no face is found in the photograph.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from pti_core.errors import CheckpointError, NoFaceError, UserError
from service.job_queue import Caller
from service.share_store import is_identifier
from service.workspaces import NoWorkspaceError
from web.middleware.caller import caller_of, network_asking

_log = logging.getLogger(__name__)

BROKEN = (
    "Something went wrong. Please try again; if it happens again, tell whoever runs this server."
)
_NO_WEIGHTS = "This server cannot do that change. Please try other words, or a slider."


#: No amount of an edit is larger; JSON's integers have no bound.
MAX_AMOUNT = 1e6


def is_amount(value: Any) -> bool:
    """Whether a value out of JSON is a number that can be reckoned with."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -MAX_AMOUNT <= value <= MAX_AMOUNT


@dataclass(frozen=True)
class Ask:
    """One call of the script.

    Attributes:
        data: what it sent.
        caller: for whom a place in the queue counts.
        address: the network that it comes from; "" where many may be behind it.
    """

    data: Mapping[str, Any]
    caller: Caller = field(default_factory=Caller)
    address: str = ""

    @property
    def workspace(self) -> str:
        """The workspace; "" before there is one."""
        return self.text("desk")

    def text(self, name: str, longest: int = 4096) -> str:
        value = self.data.get(name)
        return value[:longest] if isinstance(value, str) else ""

    def number(self, name: str, default: float = 0.0) -> float:
        value = self.data.get(name, default)
        return float(value) if is_amount(value) else default

    def whole(self, name: str, default: int = 0) -> int:
        return int(self.number(name, default))

    @property
    def edits(self) -> dict[str, float]:
        return self.amounts("edits")

    def amounts(self, name: str) -> dict[str, float]:
        """Direction to amount, those that move something.

        Raises:
            UserError: they are no object of numbers.
        """
        found = self.data.get(name) or {}
        good = isinstance(found, dict) and len(found) <= 1000
        if not good or not all(map(is_amount, found.values())):
            raise UserError("The edits did not arrive; please reload the page.")
        return {str(n): float(a) for n, a in found.items() if a}


Action = Callable[[Ask], Mapping[str, Any]]


#: Actions that take no noticeable time, or end something: they are always carried out.
LIGHT = frozenset(("status", "progress", "stop", "task", "stop_task", "forget", "delete_share"))
#: Other actions at a time: of all pages together, of one browser and of one network address.
MAX_OF_ALL, MAX_OF_OWNER, MAX_OF_ADDRESS = 48, 6, 16
FULL = "Too many people use this server now; try again in a moment."


class Actions:
    """All actions of the page by name."""

    def __init__(self) -> None:
        self._known: dict[str, Action] = {}
        self._running: Counter[str] = Counter()  # by owner and by network address; "all" for all
        self._lock = threading.Lock()

    def add(self, **actions: Action) -> None:
        self._known.update(actions)

    def call(self, data: Any, request: gr.Request | None) -> dict[str, Any]:
        """Carry one out. `data` is what the browser sent: anything."""
        told = data if isinstance(data, dict) else {}
        action = self._known.get(str(told.get("do")))
        if action is None:
            return {"error": "The page is older than the server; please reload it."}
        owner = told.get("owner")
        # A call outside of Gradio's events names no session: only the secret tells callers apart.
        secret = owner if isinstance(owner, str) and is_identifier(owner) else ""
        address = network_asking(request)
        try:
            caller = caller_of(request, secret) if secret else Caller()
            with self._place(str(told["do"]), secret, address):
                return dict(action(Ask(told, caller, address)))
        except NoWorkspaceError as error:
            return {"error": str(error), "gone": True}
        except CheckpointError as error:
            _log.warning("weights are missing: %s", error)
            return {"error": _NO_WEIGHTS}
        except NoFaceError as error:
            return {"error": str(error), "no_face": True}
        except UserError as error:
            return {"error": str(error)}
        except Exception:
            _log.exception("the action %r failed", told.get("do"))
            return {"error": BROKEN}

    @contextmanager
    def _place(self, name: str, owner: str, address: str) -> Iterator[None]:
        """A place among the actions that run; raises UserError where there is none."""
        if name in LIGHT:
            yield
            return
        bounds = {"all": MAX_OF_ALL}
        bounds |= {f"owner {owner}": MAX_OF_OWNER} if owner else {}
        bounds |= {f"address {address}": MAX_OF_ADDRESS} if address else {}
        with self._lock:
            if any(self._running[key] >= bound for key, bound in bounds.items()):
                raise UserError(FULL)
            self._running.update(bounds.keys())
        try:
            yield
        finally:
            with self._lock:
                self._running.subtract(bounds.keys())
                self._running += Counter()  # without those at zero
