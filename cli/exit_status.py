"""How every command line ends: with a status, and a sentence where something went wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

from pti_core.errors import UserError


def exit_status(
    work: Callable[[], int], interrupted: str = "Interrupted; nothing incomplete was kept."
) -> int:
    """Do the work of a command: its own status, or what a person's mistake or Ctrl-C makes of it.

    2 with the sentence for a `UserError`, 130 with `interrupted` for Ctrl-C, 0 where what reads the
    output has seen enough (`list | head`).
    """
    try:
        return work()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130
