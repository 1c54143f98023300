"""How every command line ends: with a status, and a sentence where something went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from pti_core.errors import UserError
from service.process_setup import prepare_process


def exit_status(
    work: Callable[[], int], interrupted: str = "Interrupted; nothing incomplete was kept."
) -> int:
    """Prepare the process and do a command's work: its status, or what a mistake or Ctrl-C gives.

    2 with the sentence for a `UserError`, 130 with `interrupted` for Ctrl-C, 0 where what reads the
    output has seen enough (`list | head`).
    """
    try:
        prepare_process(os.environ)
        return work()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except MemoryError:
        print("The memory of this machine is too small for this.", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:  # a full disk, a name that is too long, a folder without rights
        place = f"{error.filename}: " if error.filename else ""
        print(f"{place}{error.strerror or error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130
