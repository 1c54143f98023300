"""Where personalisations are computed: in this process, on a GPU lent for the time, elsewhere.

Whichever it is, steps, previews, the stop and the outcome come the same way. The cluster's is
`service.ray_executor`; nothing of Ray is imported unless the settings name it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pti_core.errors import UserError
from service.machine_turns import in_turn
from service.streaming import follow, steps_of

if TYPE_CHECKING:
    from torch import Tensor

    from pti_core.faces.framing import Where
    from pti_core.inversion.presets import Preset
    from pti_core.models import TuningModels
    from pti_core.progress import OnStep
    from pti_core.session.session import Session
    from service.lazy_loader import Report
    from service.zero_gpu import GpuLoan

Personalised = tuple["Session", dict[str, Any]]


@dataclass(frozen=True)
class Order:
    """A personalisation that is wanted: of which photographs, with what, by which generator.

    session: what to go on from, in place of the photographs.
    faces: which face or square of each photograph; 0, the largest, where nothing is given.
    code: a latent code to tune around, in place of an inversion.
    """

    photographs: tuple[bytes, ...]
    preset: Preset
    seed: int
    generator: str
    session: Session | None = None
    faces: tuple[Where, ...] = ()
    code: Tensor | None = None


class Executor(Protocol):
    """Something that personalises.

    Attributes:
        workers: how many at a time.
    """

    workers: int

    def personalise(self, order: Order, on_step: OnStep) -> Personalised:
        """Session and report, as `pti_core.personalisation.personalise` gives them, with `about` in
        the report.

        Raises what that raises, and UserError where the machines that compute fail.
        """
        ...


def personalise(order: Order, models: TuningModels, on_step: OnStep) -> Personalised:
    """The order, carried out here and now."""
    from pti_core.personalisation import personalise as personalise_photographs
    from pti_core.personalisation import refine

    if order.session is not None:
        session, report = refine(
            order.session, models, order.preset, seed=order.seed, on_step=on_step
        )
    else:
        session, report = personalise_photographs(
            order.photographs,
            models,
            order.preset,
            seed=order.seed,
            on_step=on_step,
            faces_used=order.faces,
            code=order.code,
        )
    return session, {**report, "about": models.about}


class InProcess:
    """In this process, on all its cores. tuning_models: gives networks by generator name."""

    workers = 1

    def __init__(self, tuning_models: Callable[[str], TuningModels]) -> None:
        self._tuning_models = tuning_models

    def personalise(self, order: Order, on_step: OnStep) -> Personalised:
        models = self._tuning_models(order.generator)
        with in_turn(on_step) as stepped:
            return personalise(order, models, stepped)


class OnLoan:
    """On a GPU that is there only while the function runs that `gpu_loan` decorates, maybe in
    another process. It is told how long each loan took that came to its end."""

    workers = 1

    def __init__(self, tuning_models: Callable[[str], TuningModels], gpu_loan: GpuLoan) -> None:
        self._tuning_models, self._loan = tuning_models, gpu_loan
        self._lent = gpu_loan.decorate(self._steps)

    def personalise(self, order: Order, on_step: OnStep) -> Personalised:
        self._tuning_models(order.generator)  # loaded before the loan begins
        with tempfile.TemporaryDirectory() as folder:
            stop, began = Path(folder) / "stop", time.monotonic()
            session, report = follow(self._lent(order, stop), on_step, stop)
        if report.get("stopped") != "person":
            self._loan.record(order, time.monotonic() - began)
        return session, report

    def _steps(self, order: Order, stop: Path) -> Iterator[Any]:
        models = self._tuning_models(order.generator)
        yield from steps_of(lambda on_step: personalise(order, models, on_step), stop)


def executor_from(
    environment: Mapping[str, str], loaders: Mapping[str, Callable[[Report], TuningModels]]
) -> Executor | None:
    """The executor of PTI_EXECUTOR; None for the default, "local", which a studio makes itself.

    Args:
        environment: PTI_EXECUTOR is "local", "ray" (a Ray of its own on this machine, or the
            cluster of RAY_ADDRESS) or "ray://host:port" (a cluster, through Ray's client);
            PTI_RAY_WORKERS is how many personalise at a time, one a machine or GPU by default.
        loaders: by generator's name, what loads its networks; sent to the workers.

    Raises:
        UserError: another value, Ray is not installed, or the cluster cannot be reached.
    """
    place = environment.get("PTI_EXECUTOR") or "local"
    if place == "local":
        return None
    if place != "ray" and not place.startswith("ray://"):
        raise UserError(
            f"PTI_EXECUTOR is {place!r}; set it to local, ray, or ray://host:port of a cluster."
        )
    text = environment.get("PTI_RAY_WORKERS") or "0"
    if not (text.isascii() and text.isdigit() and int(text) <= 1000):
        raise UserError(f"PTI_RAY_WORKERS is {text!r}; set it to a whole number from 1 to 1000.")
    address = environment.get("RAY_ADDRESS", "") if place == "ray" else place
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # it reports nothing to anybody
    if not address:  # its name notwithstanding: 0 has all of Ray's processes listen at 127.0.0.1
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:  # Ray reads those two when it is imported
        from service.ray_executor import RayExecutor
    except ImportError as error:
        raise UserError(
            "PTI_EXECUTOR names Ray, which is not installed: pip install -r requirements-ray.txt."
        ) from error
    return RayExecutor(loaders, address, int(text))
