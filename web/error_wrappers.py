"""What a person can mend is said in a sentence, to people as to programs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr

from pti_core.errors import UserError

_log = logging.getLogger(__name__)


def in_a_sentence(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show what a person can mend as a warning and leave everything on the page as it is."""

    @wraps(function)
    def guarded(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except UserError as error:
            gr.Warning(str(error), title="")
            return gr.skip()

    return guarded


def as_error(function: Callable[..., Any]) -> Callable[..., Any]:
    """Answer another program with the sentence."""

    @wraps(function)
    def guarded(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return guarded


def sentence(error: BaseException) -> str:
    """What to say about a personalisation that failed; what nobody can mend goes to the log."""
    if isinstance(error, UserError):
        return str(error)
    _log.error("a personalisation failed", exc_info=error)
    return "Learning the face failed, and the server's log says why; what you had is still here."
