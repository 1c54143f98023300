"""How near a reconstruction is to its photograph, and what else a report states."""

from __future__ import annotations

import dataclasses
import math
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image

from pti_core import metrics
from pti_core.editing.edit_state import EditState
from pti_core.faces.images import to_tensor
from pti_core.models import TuningModels
from pti_core.networks.lpips import area
from pti_core.rendering import render_bare
from pti_core.session.session import Session

#: The other resolution at which the field quotes LPIPS (area-downsampled).
LPIPS_SMALL = 256


#: MS-SSIM's five scales need at least this side.
MS_SSIM_SIDE = 161


@torch.inference_mode()
def measure(session: Session, models: TuningModels) -> dict[str, Any]:
    """How near the bare unedited renders are to the crops, averaged over the photographs.

    Returns:
        `mse`, `lpips` (at full resolution), `lpips_256`, `lpips_network`, `ms_ssim`,
        `ms_ssim_distance`, `identity_distance`, `identity_network`. None where the generator is too
        small for a metric or there is no network for it.
    """
    rows = [
        nearness(
            session.crop(person), render_bare(session, models, EditState(person=person)), models
        )
        for person in range(len(session.crops))
    ]
    values = {name: _mean([row[name] for row in rows]) for name in rows[0]}
    distance = values["ms_ssim_distance"]
    return {
        **values,
        "ms_ssim": None if distance is None else 1 - distance,
        "lpips_network": f"{models.lpips_report.name}, at {models.generator.resolution}",
        "identity_network": models.identity.name if models.identity else None,
    }


@torch.inference_mode()
def nearness(
    crop: Image.Image, result: Image.Image, models: TuningModels
) -> dict[str, float | None]:
    """How near a picture is to the aligned crop that it is to show.

    Returns:
        `mse`, `lpips` (at full resolution), `lpips_256`, `ms_ssim_distance`, `identity_distance`;
        None where the pictures are too small for a metric or there is no network for it.
    """
    a, b = (to_tensor(image).to(models.generator.w_avg) for image in (crop, result))
    small = LPIPS_SMALL if a.shape[-1] >= LPIPS_SMALL else None
    structure = min(a.shape[-2:]) >= MS_SSIM_SIDE
    return {
        "mse": float(metrics.mse(a, b)),
        "lpips": float(models.lpips_report(a, b)),
        "lpips_256": small and float(models.lpips_report(area(a, small), area(b, small))),
        "ms_ssim_distance": float(metrics.ms_ssim_distance(a, b)) if structure else None,
        "identity_distance": models.identity.distance(crop, result) if models.identity else None,
    }


def peak_rss_mb() -> float | None:
    """The most memory this process has held so far, in MiB; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


@dataclass
class Clock:
    """Seconds by stage, in the order the stages were run."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + passed

    def rounded(self) -> dict[str, float]:
        return {name: round(seconds, 3) for name, seconds in self.seconds.items()}

    def total(self) -> float:
        return round(sum(self.seconds.values()), 3)


def _mean(values: list[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__}


def plain_settings(value: Any) -> Any:
    """Settings as JSON values: dataclasses as dicts, what JSON lacks as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain_settings(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain_settings(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_settings(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
