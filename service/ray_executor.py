"""Personalisations on a Ray cluster: as many at a time as it has workers, each with all networks.

A worker is an actor, a process of its own somewhere in the cluster. It tells its steps when it is
asked, at least every second, and is told in the same call whether to stop; so this works through
Ray's client (`ray://`) as well. A worker that dies is replaced, and its order carried out once more
by another one.

Ray moves pickles between its processes: a cluster belongs on a network that nobody else reaches.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayActorError, RayError

from pti_core.errors import UserError
from pti_core.progress import OnStep, Step
from service.executors import Order, Personalised, personalise
from service.streaming import Outcome

if TYPE_CHECKING:
    from pti_core.models import TuningModels
    from service.lazy_loader import Report

_log = logging.getLogger(__name__)

#: What the person is told whose worker died.
RETRIED = "The machine that computed this failed; it was begun again on another one."
_REPOSITORY = Path(__file__).parent.parent
# What machines of a cluster need of the tree: the packages and the data in them.
_LEFT_OUT = [
    "/.*",
    "/docs/",
    "/tests/",
    "/benchmarks/",
    "/examples/",
    "/scripts/",
    "**/__pycache__",
]
# A worker answers at least that often, so that a stop reaches it soon.
_SECONDS_BETWEEN_ANSWERS = 1.0


class WorkersFailedError(UserError):
    """The machines that compute have failed, or cannot be reached."""

    def __init__(self) -> None:
        super().__init__(
            "The machines that personalise failed or cannot be reached now; what you had is still "
            "here, please try again in some minutes."
        )


class Worker:
    """One order at a time, in a process of the cluster.

    loaders: by generator's name, what loads its networks. cpus: cores that are this worker's.
    """

    def __init__(self, loaders: Mapping[str, Callable[[Report], TuningModels]], cpus: int) -> None:
        self._loaders, self._cpus = loaders, cpus
        self._models: tuple[str, TuningModels] | None = None  # the latest: networks are large
        self._told: queue.Queue[Step | Outcome] = queue.Queue()
        self._stop = threading.Event()

    def begin(self, order: Order) -> None:
        """Start to carry out an order; returns at once."""
        told: queue.Queue[Step | Outcome] = queue.Queue()
        stop = threading.Event()
        self._told, self._stop = told, stop

        def on_step(step: Step) -> bool:
            picture = None if step.picture is None else step.picture.cpu()
            told.put(replace(step, picture=picture))
            return not stop.is_set()

        def run() -> None:
            try:
                told.put(Outcome(personalise(order, self._tuning_models(order.generator), on_step)))
            except BaseException as error:  # raised again where the order came from
                told.put(Outcome(error=error))

        threading.Thread(target=run, name="order", daemon=True).start()

    def more(self, stop: bool) -> list[Step | Outcome]:
        """What happened since the last call; waits a second for something to happen.

        stop: from now on every step is the last one.
        """
        if stop:
            self._stop.set()
        found: list[Step | Outcome] = []
        try:
            found.append(self._told.get(timeout=_SECONDS_BETWEEN_ANSWERS))
            while True:
                found.append(self._told.get_nowait())
        except queue.Empty:
            return found

    def where(self) -> tuple[str, int]:
        """The node and the process that this is."""
        return ray.get_runtime_context().get_node_id(), os.getpid()

    def _tuning_models(self, generator: str) -> TuningModels:
        import torch

        if self._models is None or self._models[0] != generator:
            self._models = None
            self._models = generator, self._loaders[generator](lambda what, done, total: None)
            torch.set_num_threads(self._cpus)
        return self._models[1]


class RayExecutor:
    """Orders carried out by workers of a cluster.

    Args:
        loaders: by generator's name, what loads its networks; sent to the workers.
        address: of the cluster, as `ray.init` takes it; "" starts a Ray on this machine, for this
            process, reachable from this machine only.
        workers: how many; 0 for one a GPU, or one a machine where there are none.

    Raises:
        UserError: the cluster cannot be reached.
    """

    def __init__(
        self,
        loaders: Mapping[str, Callable[[Report], TuningModels]],
        address: str = "",
        workers: int = 0,
    ) -> None:
        _connect(address, workers)
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cpus = [int(machine.get("CPU", 0)) for machine in machines if machine.get("CPU")]
        gpus = sum(int(machine.get("GPU", 0)) for machine in machines)
        self.workers = workers or gpus or max(len(cpus), 1)
        # Each has an equal part of the cluster, and must fit into its smallest machine.
        own = max(min(sum(cpus) // self.workers, *cpus), 1) if cpus else 1
        self._make = lambda: (
            ray.remote(Worker)
            .options(
                num_cpus=own,
                num_gpus=1 if gpus >= self.workers else 0,
                scheduling_strategy="SPREAD",
            )
            .remote(dict(loaders), own)
        )
        self._free = deque(self._make() for _ in range(self.workers))
        self._changed = threading.Condition()
        self._closed = False

    def personalise(self, order: Order, on_step: OnStep) -> Personalised:
        """Carry the order out; once more, elsewhere, if the worker dies. See `Executor`."""
        try:
            try:
                return self._carry_out(order, on_step)
            except RayActorError:
                steps = order.preset.projection.steps
                on_step(Step("invert", 0, steps, note=RETRIED))
                return self._carry_out(order, on_step)
        except (RayError, ConnectionError) as error:
            _log.error("a worker failed: %s", error)
            raise WorkersFailedError() from error

    def close(self) -> None:
        """End the workers, and the Ray that was started for them."""
        self._closed = True
        ray.shutdown()

    def _carry_out(self, order: Order, on_step: OnStep) -> Personalised:
        worker = self._take()
        try:
            ray.get(worker.begin.remote(order))
            result = _follow(worker, on_step)
        except (RayError, ConnectionError) as error:
            _log.warning("a worker is replaced: %s", str(error).splitlines()[0])
            self._replace(worker)
            raise
        except BaseException:
            self._give_back(worker)
            raise
        self._give_back(worker)
        return result

    def _take(self) -> Any:
        """The worker that has been free for longest: never the one that has just been made."""
        with self._changed:
            while not self._free:
                self._changed.wait()
            return self._free.popleft()

    def _give_back(self, worker: Any) -> None:
        with self._changed:
            self._free.append(worker)
            self._changed.notify()

    def _replace(self, worker: Any) -> None:
        if self._closed:  # a call would start Ray anew
            return
        try:
            ray.kill(worker)  # one that only seemed dead must not come back
        except Exception as error:  # it is dead, or nothing can be reached
            _log.info("a worker could not be ended: %s", error)
        self._give_back(self._make())


def _follow(worker: Any, on_step: OnStep) -> Personalised:
    stop = False
    while True:
        for told in ray.get(worker.more.remote(stop)):
            if isinstance(told, Outcome):
                if told.error is not None:
                    raise told.error
                return told.value
            stop = on_step(told) is False or stop


def _connect(address: str, workers: int) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    if address:
        options |= {
            "address": address,
            "runtime_env": {"working_dir": str(_REPOSITORY), "excludes": _LEFT_OUT},
        }
    else:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        options |= {
            "address": "local",
            "num_cpus": max(workers, cores or 1),
            "include_dashboard": False,
        }
    try:
        ray.init(**options)
    except (RayError, ConnectionError, RuntimeError, ValueError) as error:
        _log.error("Ray cannot be used: %s", error)
        where = address or "this machine"
        raise UserError(f"Ray cannot be reached at {where}; the log says why.") from error
