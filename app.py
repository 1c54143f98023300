"""The web app: `python app.py [--port N] [--host H] [--share] [--generator NAME] [--preset NAME]`

The page is the package `web`; what its buttons do is `service.studio`. Heavy libraries and
networks are loaded behind the page, which answers at once.
"""

from __future__ import annotations

import argparse
import atexit
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Thread
from types import FrameType
from typing import NoReturn

from checkpoints.fetch import default_cache
from cli.exit_status import exit_status
from pti_core.editing.controls import read_controls
from pti_core.errors import UserError
from service.executors import executor_from
from service.job_limits import places_from, seconds_from
from service.job_queue import JobQueue
from service.lazy_loader import LazyLoader
from service.load_networks import (
    GENERATORS,
    is_own_file,
    load_editor,
    load_networks,
    load_other,
)
from service.malloc_tuning import keep_trimmed, tune_malloc
from service.share_store import Store, keep_swept, store_from
from service.studio import PRESET_NAMES, Studio
from service.sweeper import repeat
from service.zero_gpu import GpuLoan, LoanSeconds, gpu_loan
from web.page_text import TITLE

#: Seconds that the page waits for what edits need. Where its files are here it is loaded by then: a
#: page that came before would share the cores with it, and could be used no sooner.
_HEAD_START = 8.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until interrupted or terminated; returns the exit status."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _interrupt)  # both end it alike: nothing is left behind
    return exit_status(lambda: _serve(options), interrupted="Stopped.")


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _serve(options: argparse.Namespace) -> int:
    _check_port(os.environ)
    _check_host(options.host or os.environ.get("GRADIO_SERVER_NAME"))
    if options.generator not in GENERATORS and not is_own_file(options.generator):
        known = ", ".join(GENERATORS)
        raise UserError(
            f"--generator or PTI_GENERATOR is {options.generator!r}; use {known}, or the file of "
            "a StyleGAN2."
        )
    # First of all: before torch.
    loan = gpu_loan(LoanSeconds(default_cache() / "loans.json"))
    if tune_malloc():
        keep_trimmed()
    from web.temporary_folder import (
        TemporaryFolder,  # with Gradio, which reads settings when imported
    )

    temporary = TemporaryFolder()
    try:
        temporary.use(os.environ)
        temporary.keep_swept()
        _serve_page(options, loan)
    except OSError as error:  # the port is taken, or is none
        raise UserError(f"The page cannot be served: {error}") from error
    finally:
        temporary.close()
    return 0


def _serve_page(options: argparse.Namespace, loan: GpuLoan | None) -> None:
    first = options.generator
    loaders = {name: partial(load_networks, name) for name in (first, *GENERATORS)}
    executor = executor_from(os.environ, loaders)
    line = JobQueue(
        workers=executor.workers if executor else 1,
        places_of_an_address=places_from(os.environ),
        max_seconds=seconds_from(os.environ),
    )
    editor = LazyLoader(partial(load_editor, first))
    loaders.pop(first)
    studio = Studio(
        partial(load_networks, first, editor=editor),
        load_other=load_other,
        gpu_loan=loan,
        generator=first,
        others=loaders,
        executor=executor,
        line=line,
        editor=editor,
    )
    store = store_from(os.environ)
    studio.networks.start()
    from web.serve import create_app, serve  # Gradio, beside the libraries that are loaded
    from web.tabs.photo import read_examples

    keep_tidy(studio, store)
    app = create_app(studio, read_controls(), preset=options.preset, store=store)
    editor.wait(_HEAD_START)
    if editor.ready:  # else a first start, which fetches files: the page answers meanwhile
        read_examples()
    serve(app, store, studio, host=options.host, port=options.port, share=options.share)


def keep_tidy(
    studio: Studio, store: Store, seconds: float = 600, goes_on: Callable[[], bool] = lambda: True
) -> list[Thread]:
    """Have shares that have expired, and faces that nobody uses, go though nobody comes by: now and
    every so many seconds while `goes_on`, in threads that end with the process."""
    drop_unused = partial(studio.workspaces.drop_unused, studio.line.job_of)
    return [
        keep_swept(store, seconds, goes_on),
        repeat(drop_unused, seconds, "forgetting faces", goes_on),
    ]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Serve the web page of {TITLE}.")
    add = parser.add_argument
    add("--port", type=_port, help="default: GRADIO_SERVER_PORT, else the first free one from 7860")
    add("--host", help="default: GRADIO_SERVER_NAME, else this machine only; 0.0.0.0 for all")
    add("--share", action="store_true", help="make a public link through Gradio's tunnel")
    add(
        "--generator",
        default=os.environ.get("PTI_GENERATOR", GENERATORS[0]),
        metavar="|".join((*GENERATORS, "FILE")),
        help="auto: stylegan2 on a GPU, else mobile; FILE: a StyleGAN2 of your own (.pkl, .pt); "
        "default: PTI_GENERATOR, else auto",
    )
    add("--preset", choices=PRESET_NAMES, default=PRESET_NAMES[0], help="chosen at first")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


def _check_port(environment: Mapping[str, str]) -> None:
    """Raises UserError where GRADIO_SERVER_PORT is no port."""
    try:
        _port(environment.get("GRADIO_SERVER_PORT") or "7860")
    except argparse.ArgumentTypeError as error:
        raise UserError(f"GRADIO_SERVER_PORT: {error}.") from error


def _check_host(host: str | None) -> None:
    """Raises UserError where --host or GRADIO_SERVER_NAME is no address of this machine: Gradio
    would look for a free port there, a hundred times."""
    if not host:
        return
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as one:
            one.bind(address)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"--host or GRADIO_SERVER_NAME is {host!r}, which is no address of this machine; use "
            "127.0.0.1 for this machine only, or 0.0.0.0 for all."
        ) from error


def _end(status: int) -> NoReturn:
    """Run the registered exit functions, then end the process at once.

    A thread may be loading networks, and the process aborts when Python unloads the native code
    that it runs.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    if not sys.stderr.closed:
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _end(main())
