"""How many jobs wait in the line, whose, and how long they may take; the environment sets some."""

from __future__ import annotations

from collections.abc import Mapping

from pti_core.errors import UserError

#: A longer line than this is an hour or more with the fast preset: better said at once.
MAX_WAITING_JOBS = 32
#: Places in the line of one network address: a household or a few desks of an office share one.
PLACES_OF_AN_ADDRESS = 4
#: A personalisation that is planned to take longer would keep everybody else waiting.
MAX_SECONDS = 2 * 3600


def places_from(environment: Mapping[str, str]) -> int:
    """PTI_ADDRESS_PLACES: how many of one network address may run or wait; 4 without it.

    Raises:
        UserError: it is no whole number above zero.
    """
    return _whole_number(environment, "PTI_ADDRESS_PLACES", PLACES_OF_AN_ADDRESS)


def seconds_from(environment: Mapping[str, str]) -> float:
    """PTI_MAX_MINUTES: how long a personalisation may be planned to take, in seconds; two hours
    without it. Raises as `places_from` does."""
    return 60.0 * _whole_number(environment, "PTI_MAX_MINUTES", MAX_SECONDS // 60)


def _whole_number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**6):
        raise UserError(f"{name} is {text!r}; set it to a whole number above zero.")
    return int(text)
