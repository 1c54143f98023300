"""Work that is done again and again beside the server: what is old goes though nobody comes by."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from pti_core.errors import UserError

_log = logging.getLogger(__name__)


def repeat(
    work: Callable[[], object],
    seconds: float,
    name: str,
    goes_on: Callable[[], bool] = lambda: True,
) -> threading.Thread:
    """Do `work` now, and every so many seconds while `goes_on`, in a thread that ends with the
    process. What it raises is logged: the next time may go well."""

    def run() -> None:
        while goes_on():
            try:
                work()
            except UserError as error:
                _log.warning("%s did not succeed; it is tried again: %s", name, error)
            except Exception:
                _log.warning("%s did not succeed; it is tried again", name, exc_info=True)
            time.sleep(seconds)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
