"""One schema for the parameters of all named endpoints: what each may be, and its default.

Gradio reads values by the component that stands for a parameter; what a component cannot read
becomes `{"error": null}`. Here values are read before that, by the parameter's name, and a wrong
one is answered with a sentence that names it.
"""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import gradio as gr

from pti_core.errors import UserError
from service.studio import VIEWS
from web.actions import is_amount

_log = logging.getLogger(__name__)

MAX_EDITS = 1000
#: Characters of a prompt, or of a name.
MAX_TEXT = 4000
_REQUIRED = object()

FAILED = "The server failed at this; try again, or with another file."
_NO_FILE = "is no file that was uploaded here, and no address it could be fetched from."


@dataclass(frozen=True)
class Parameter:
    """How a parameter's value is read.

    Attributes:
        read: takes name and value; gives the value, or raises UserError naming the parameter.
        default: stands for null and for a value that was not sent, if there is a default.
    """

    read: Callable[[str, Any], Any]
    default: Any = _REQUIRED


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise UserError(f"{name} is not text of at most {MAX_TEXT} characters; give such text.")
    return value


def _identifier(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UserError(f"{name} is not text; give the {name} that an earlier call answered with.")
    return value


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        number = value if _is_number(value) else math.nan
        if not (low <= number <= high and number == int(number)):
            raise UserError(f"{name} is not a whole number from {low} to {high}; give such a one.")
        return int(number)

    return read


def _number(low: float, high: float) -> Callable[[str, Any], float]:
    def read(name: str, value: Any) -> float:
        if not (_is_number(value) and low <= value <= high):
            raise UserError(f"{name} is not a number from {low:g} to {high:g}; give such a one.")
        return float(value)

    return read


def _one_of(*choices: str) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if value not in choices or not isinstance(value, str):
            raise UserError(f"There is no {name} of that name; {name} is {' or '.join(choices)}.")
        return value

    return read


def _edits(name: str, value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) > MAX_EDITS:
        raise UserError(f'Give {name} as an object of amounts, as in {{"age": 10}}.')
    for edit, amount in value.items():
        if not is_amount(amount):
            said = edit if len(edit) <= 64 and edit.isprintable() else "an edit"
            raise UserError(f"{name}: {said} has no amount in range; give a number, as in 0.5.")
    return value


def _square(name: str, value: Any) -> tuple[float, ...] | str:
    """ "whole", or left, top and side; whether that lies in the photograph is seen later."""
    if value == "whole":
        return "whole"
    if not (isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))):
        raise UserError(f'{name} is neither [left, top, side] in pixels nor "whole"; give one.')
    if max(map(abs, value)) > 1e6:
        raise UserError(f"{name} is not in the photograph; give pixels of it.")
    return tuple(float(number) for number in value)


def _file(name: str, value: Any) -> dict[str, Any]:
    path = value.get("path") if isinstance(value, dict) else None
    if not isinstance(path, str) or not 0 < len(path) <= MAX_TEXT or "\0" in path:
        raise UserError(f"{name} {_NO_FILE}")
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def _is_number(value: Any) -> bool:
    """Whether it is a finite number; whole ones of any length are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


_SEED = Parameter(_whole(0, 2**32 - 1), 0)

#: All parameters of all named endpoints, by name. "name" is an edit's, or what a share is called.
PARAMETERS: Mapping[str, Parameter] = {
    "desk": Parameter(_identifier),
    "share": Parameter(_identifier),
    "secret": Parameter(_identifier, ""),
    "photograph": Parameter(_file),
    "session": Parameter(_file),
    "file": Parameter(_file),
    "preset": Parameter(_text, "fast"),
    "generator": Parameter(_text, ""),
    "seed": _SEED,
    "edits": Parameter(_edits, {}),
    "start": Parameter(_edits, {}),
    "view": Parameter(_one_of(*VIEWS), VIEWS[0]),
    "side": Parameter(_whole(0, 20_000), 0),
    "person": Parameter(_whole(0, 999), 0),
    "face": Parameter(_whole(0, 999), 0),
    "square": Parameter(_square, None),
    "name": Parameter(_text, ""),
    "frames": Parameter(_whole(2, 60), 16),
    "form": Parameter(_one_of("gif", "mp4"), "gif"),
    "prompt": Parameter(_text),
    "way": Parameter(_one_of("auto", "attributes", "mapper", "global", "optimise"), "auto"),
    "strength": Parameter(_number(-100, 100), 1.0),
}


def parameters_of(function: Callable[..., Any]) -> list[str]:
    """The names of an endpoint's parameters, without what Gradio adds itself."""
    return [name for name in inspect.signature(function).parameters if name != "request"]


def read_all(api_name: str, names: Sequence[str], values: Sequence[Any]) -> list[Any]:
    """The values of an endpoint's parameters, checked and with defaults for what is missing.

    Raises:
        UserError: too many, or one that its parameter cannot be; the sentence names it.
    """
    if len(values) > len(names):
        raise UserError(f"{api_name} takes {', '.join(names) or 'nothing'}, and no more than that.")
    read = []
    for index, name in enumerate(names):
        value, parameter = values[index] if index < len(values) else None, PARAMETERS[name]
        if value is None and parameter.default is not _REQUIRED:
            read.append(parameter.default)
        elif value is None:
            raise UserError(f"{name} is missing; {api_name} takes {', '.join(names)}.")
        else:
            read.append(parameter.read(name, value))
    return read


def guard(blocks: gr.Blocks) -> None:
    """Have the page's application read the named endpoints' parameters by this schema, and answer
    whatever fails with a sentence; what nobody can mend goes to the log."""
    preprocess, process = blocks.preprocess_data, blocks.process_api

    @wraps(preprocess)
    async def checked(block_fn: Any, inputs: list[Any], *rest: Any, **options: Any) -> Any:
        public = block_fn.api_visibility == "public" and isinstance(block_fn.api_name, str)
        if public and block_fn.fn is not None:
            inputs = read_all(block_fn.api_name, parameters_of(block_fn.fn), inputs)
        try:
            return await preprocess(block_fn, inputs, *rest, **options)
        except (gr.Error, UserError):
            raise
        except Exception as error:  # of a file: all else is read already
            names = [name for name in ("photograph", "session") if public]
            said = next((n for n in names if n in parameters_of(block_fn.fn)), "The file")
            raise UserError(f"{said} {_NO_FILE}") from error

    @wraps(process)
    async def answered(*arguments: Any, **options: Any) -> Any:
        try:
            return await process(*arguments, **options)
        except gr.Error:
            raise
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error
        except Exception as error:
            _log.error("a request failed", exc_info=error)
            raise gr.Error(FAILED, print_exception=False) from error

    blocks.preprocess_data = checked  # type: ignore[method-assign]
    blocks.process_api = answered  # type: ignore[method-assign]
