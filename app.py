"""The web app: `python app.py [--port N] [--host H] [--share] [--generator NAME] [--preset NAME]`

The page is the package `web`; what its buttons do is `service.studio`. Heavy libraries and
networks are loaded behind the page, which answers at once.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import partial

from pti_core.editing.controls import read_controls
from service.executors import executor_from
from service.job_queue import JobQueue, places_from
from service.load_networks import GENERATORS, load_networks, load_other
from service.malloc_tuning import tune_malloc
from service.share_store import keep_swept, store_from
from service.studio import PRESET_NAMES, Studio
from service.zero_gpu import gpu_loan
from web.serve import create_app, serve
from web.strings import TITLE


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the page until interrupted."""
    options = _parse(arguments)
    loan = gpu_loan()  # first of all: before torch
    tune_malloc()
    # An edit and a personalisation share the cores: threads that wait for their turn must not spin
    # for long. GNU's OpenMP does for a third of a millisecond, as networks of many small layers
    # lose by falling asleep at each (benchmarks/README.md, "Threads that wait").
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")
    loaders = {name: partial(load_networks, name) for name in GENERATORS}
    first = options.generator
    executor = executor_from(os.environ, loaders)
    line = JobQueue(
        workers=executor.workers if executor else 1,
        places_of_an_address=places_from(os.environ),
    )
    studio = Studio(
        loaders.pop(first),
        load_other=load_other,
        gpu_loan=loan,
        generator=first,
        others=loaders,
        executor=executor,
        line=line,
    )
    store = store_from(os.environ)
    studio.networks.start()
    keep_swept(store)
    app = create_app(studio, read_controls(), preset=options.preset, store=store)
    serve(app, store, studio, host=options.host, port=options.port, share=options.share)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Serve the web page of {TITLE}.")
    add = parser.add_argument
    add("--port", type=int, help="default: GRADIO_SERVER_PORT, else the first free one from 7860")
    add("--host", help="default: GRADIO_SERVER_NAME, else this machine only; 0.0.0.0 for all")
    add("--share", action="store_true", help="make a public link through Gradio's tunnel")
    add(
        "--generator",
        choices=GENERATORS,
        default=os.environ.get("PTI_GENERATOR", GENERATORS[0]),
        help="auto: stylegan2 on a GPU, else mobile; default: PTI_GENERATOR, else auto",
    )
    add("--preset", choices=PRESET_NAMES, default=PRESET_NAMES[0], help="chosen at first")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
