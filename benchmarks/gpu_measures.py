"""What `benchmarks.gpu` measures: times, memory, precision, agreement with the CPU."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pti_core.generators.base import Generator
from pti_core.inversion.losses import View
from pti_core.inversion.presets import FAST, PAPER, Preset
from pti_core.inversion.projector import ProjectionConfig
from pti_core.inversion.tuning_config import TuningConfig
from pti_core.models import TuningModels
from pti_core.networks.devices import Card, card_of
from pti_core.progress import Step
from pti_core.session.session import Session

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "examples" / "astronaut.jpg"
#: On a current datacentre GPU: seconds of each preset with the embedded generator, milliseconds of
#: an edit (the generator's render), GiB of GPU memory.
TARGETS = {"fast_s": 4.0, "paper_s": 60.0, "edit_ms": 50.0, "memory_gib": 6.0}
#: Channels of StyleGAN2 at 1024 (config F), and of the reduced one at 64.
FULL = (512, 512, 512, 512, 512, 256, 128, 64, 32)
SMALL = (64, 64, 64, 32, 16)
EDITS, PREVIEWS = 20, 20


@dataclass
class Bench:
    """What is run: device, when it began, the seconds it may take, and what was found."""

    device: torch.device
    reduced: bool
    began: float
    budget: float
    found: dict[str, Any] = field(default_factory=dict)

    def left(self) -> float:
        return self.budget - (time.monotonic() - self.began)

    def synchronise(self) -> None:
        """Wait for the GPU, whose work is asynchronous."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def timed(self, work: Callable[[], Any]) -> tuple[Any, float]:
        self.synchronise()
        start = time.perf_counter()
        result = work()
        self.synchronise()
        return result, time.perf_counter() - start

    def peak_gib(self) -> float | None:
        """Most GPU memory since the last question; None on the CPU."""
        if self.device.type != "cuda":
            return None
        peak = torch.cuda.max_memory_allocated(self.device) / 2**30
        torch.cuda.reset_peak_memory_stats(self.device)
        return round(peak, 2)


def deterministic_stylegan2(channels: tuple[int, ...] = FULL) -> Generator:
    """StyleGAN2 of that shape with weights of one seed: as trained ones are distributed at first
    (standard normal, affine biases one)."""
    from pti_core.generators.stylegan2 import Mapping, StyleGAN2, StyleGAN2Config, Synthesis

    config = StyleGAN2Config(channels)
    with torch.device("meta"):
        parts = torch.nn.ModuleDict({"mapping": Mapping(config), "synthesis": Synthesis(config)})
    random = torch.Generator().manual_seed(0)
    weights = {}
    for name, tensor in parts.state_dict().items():
        weights[name] = torch.randn(tensor.shape, generator=random)
        if name.endswith("bias"):
            value = 1.0 if name.endswith("affine.bias") else 0.0
            weights[name] = torch.full(tensor.shape, value)
        elif name.startswith("mapping."):
            weights[name] = weights[name] / 0.01  # the mapping network's learning rate factor
        elif name.endswith("noise_strength"):
            weights[name] = 0.1 * weights[name]
    return StyleGAN2(config, weights, name="deterministic", fingerprint="0" * 64)


def small_mobile() -> Generator:
    """A generator of the embedded one's kind with random weights, 64 pixels."""
    from pti_core.generators.mobile import Mapping, MobileGenerator, MobileSynthesis

    with torch.random.fork_rng():
        torch.manual_seed(0)
        mapping, synthesis = Mapping(), MobileSynthesis(32, 64)
    return MobileGenerator(
        name="small",
        mapping=mapping,
        synthesis=synthesis.to(memory_format=torch.channels_last),
        num_ws=2 * len(synthesis.shapes) + 2,
        fingerprint="1" * 64,
    )


def presets(reduced: bool) -> tuple[Preset, Preset]:
    """`fast` and `paper`, or four steps of each in their place."""
    if not reduced:
        return FAST, PAPER
    projection = ProjectionConfig(steps=4, lpips_size=64, optimise_noise=False)
    tuning = TuningConfig(steps=4, lpips_views=(View(64),), locality_samples=0)
    return Preset("fast", projection, tuning), Preset("paper", projection, tuning)


def make_models(bench: Bench, generator: Generator) -> TuningModels:
    """Everything of a personalisation on the bench's device."""
    from checkpoints.network_loaders import load_face_finder, load_perceptual, load_tuning_models
    from pti_core.editing.directions import load_directions

    placed = generator.place(bench.device)
    if not bench.reduced:
        return load_tuning_models(placed)
    lpips = load_perceptual().to(bench.device)
    return TuningModels(
        generator=placed,
        directions=load_directions(),
        lpips=lpips,
        lpips_report=lpips,
        faces=load_face_finder(),
    )


# What is measured.


@torch.inference_mode()
def precision(bench: Bench, make: Callable[[], Generator]) -> dict[str, Any]:
    """The device against the CPU in float32, and bfloat16 against float32 on the device.

    Differences are of pictures in [-1, 1]: largest, and mean. The CPU's picture is of the same
    weights; TF32 is off. On a CPU the bfloat16 is that which a GPU's generator is asked for.
    """
    cpu = make().place(torch.device("cpu"))
    w = cpu.sample_w(2, seed=0)
    wanted = cpu.render(w, exact=True)
    own = make().place(bench.device)
    exact, _ = bench.timed(lambda: own.render(w.to(bench.device), exact=True))
    again, again_s = bench.timed(lambda: own.render(w.to(bench.device), exact=True))
    card = card_of(bench.device) or Card(memory=80 * 10**9, bf16=True)
    own.options = own.options_for(card)
    own.render(w.to(bench.device))  # the first one chooses kernels
    half, half_s = bench.timed(lambda: own.render(w.to(bench.device)))
    scale = float(wanted.std())

    def differ(a: Tensor, b: Tensor) -> dict[str, float]:
        error = (a.cpu() - b.cpu()).abs() / scale
        return {"largest": float(error.max()), "mean": float(error.mean())}

    return {
        "cpu_agreement": differ(exact, wanted),
        "repeated": differ(exact, again),
        "half": differ(half, exact),
        "options": {name: str(value) for name, value in own.options.items()},
        "finite": bool(half.isfinite().all() and exact.isfinite().all()),
        "picture_dtype": str(half.dtype),
        "float32_ms": round(500 * again_s, 2),
        "half_ms": round(500 * half_s, 2),
        "memory_gib": bench.peak_gib(),
    }


def personalised(
    bench: Bench, models: TuningModels, preset: Preset
) -> tuple[Session, dict[str, Any]]:
    """One personalisation within the time that is left; one that is stopped says so."""
    from pti_core.personalisation import personalise

    bench.peak_gib()

    def on_step(step: Step) -> bool:
        return bench.left() > 0

    (session, report), seconds = bench.timed(
        lambda: personalise(PHOTO, models, preset, on_step=on_step)
    )
    names = ("seconds_by_stage", "steps_by_stage", "stopped", "mse", "lpips", "identity_distance")
    return session, {
        "seconds": round(seconds, 2),
        "stopped_by_budget": report["stopped"] == "person",
        **{name: report[name] for name in names},
        "memory_gib": bench.peak_gib(),
    }


def edited(bench: Bench, session: Session, models: TuningModels) -> dict[str, Any]:
    """Medians: the generator's render of an edit, the released picture (composited), a preview."""
    from pti_core.rendering import render_bare, render_edit

    name = next(iter(models.directions))
    high = models.directions[name].high
    amounts = [high * (i + 1) / (EDITS + 1) for i in range(3 if bench.reduced else EDITS)]
    render_bare(session, models, {name: high / 7})
    bare = [bench.timed(partial(render_bare, session, models, {name: a}))[1] for a in amounts]
    released = [bench.timed(partial(render_edit, session, models, {name: a}))[1] for a in amounts]
    return {
        "edit_ms": round(1000 * statistics.median(bare), 2),
        "released_ms": round(1000 * statistics.median(released), 2),
        **previewed(bench, session, models, name),
    }


def previewed(bench: Bench, session: Session, models: TuningModels, name: str) -> dict[str, Any]:
    """What follows a slider: fitting its head once, and a preview; None for small generators."""
    from pti_core.inversion.low_res import show
    from pti_core.rendering import edited as code_of
    from service.live_preview import fit_head

    if not models.generator.has_middle:
        return {"preview_ms": None, "head_ms": None}
    head, head_s = bench.timed(lambda: fit_head(session, models))
    weights, times = session.overrides(models.generator), []
    high = models.directions[name].high

    @torch.inference_mode()
    def preview(amount: float) -> Tensor:
        w = code_of(session, models, {name: amount})
        maps = models.generator.middle(w, weights)
        assert maps is not None
        return show(head, maps).cpu()

    for i in range(PREVIEWS):
        times.append(bench.timed(partial(preview, high * i / PREVIEWS))[1])
    return {
        "preview_ms": round(1000 * statistics.median(times), 2),
        "head_ms": round(1000 * head_s, 1),
    }


def run(bench: Bench) -> dict[str, Any]:
    """All measurements, the most wanted ones first."""
    from checkpoints.network_loaders import load_generator

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    found = bench.found
    found["machine"] = machine(bench.device)
    channels = SMALL if bench.reduced else FULL
    makers: dict[str, Callable[[], Generator]] = {
        "embedded": small_mobile if bench.reduced else lambda: load_generator("mobile"),
        "stylegan2": lambda: deterministic_stylegan2(channels),
    }
    bundles, sessions = {}, {}
    for name, make in makers.items():
        found[name] = {"precision": precision(bench, make)}
        bundles[name] = make_models(bench, make())
    fast, paper = presets(bench.reduced)
    for preset in (fast, paper):
        for name, models in bundles.items():
            if bench.left() < 5:
                found[name][preset.name] = {"skipped": "no time was left"}
                continue
            sessions[name], found[name][preset.name] = personalised(bench, models, preset)
            if preset is fast:
                found[name]["edits"] = edited(bench, sessions[name], models)
    found["seconds"] = round(bench.budget - bench.left(), 1)
    return found


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures were taken on."""
    card = card_of(device)
    return {
        "device": torch.cuda.get_device_name(device) if card else f"CPU, {platform.processor()}",
        "memory_gib": round(card.memory / 2**30, 1) if card else None,
        "bf16": card.bf16 if card else None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def agrees(found: dict[str, Any]) -> bool:
    """Whether the device's float32 pictures are the CPU's, to a thousandth of their deviation:
    float32 sums in another order give some 1e-5."""
    names = ("embedded", "stylegan2")
    return all(found[n]["precision"]["cpu_agreement"]["largest"] <= 1e-3 for n in names)


def as_markdown(found: dict[str, Any], reduced: bool) -> str:
    """The report as a page, with the targets where they apply."""
    where = found["machine"]
    lines = [
        f"# {where['device']}",
        "",
        f"PyTorch {where['torch']}, CUDA {where['cuda']}; {found['seconds']} s in all."
        + (" Reduced sizes: these figures say nothing about speed." if reduced else ""),
        "",
        "| generator | fast, s | paper, s | edit, ms | released, ms | preview, ms | memory, GiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in ("embedded", "stylegan2"):
        own = found[name]
        edits = own.get("edits", {})
        peaks = [own.get(p, {}).get("memory_gib") for p in ("fast", "paper")]
        memory = max((peak for peak in peaks if peak is not None), default=None)
        cells = [_seconds(own.get("fast", {})), _seconds(own.get("paper", {}))]
        cells += [_cell(edits.get(k)) for k in ("edit_ms", "released_ms", "preview_ms")]
        lines.append(f"| {name} | {' | '.join([*cells, _cell(memory)])} |")
    lines.append(
        f"| target | {TARGETS['fast_s']:g} | {TARGETS['paper_s']:g} | {TARGETS['edit_ms']:g} | | | "
        f"{TARGETS['memory_gib']:g} |"
    )
    lines += ["", "| generator | to the CPU | bf16 to fp32 | fp32, ms | bf16, ms |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for name in ("embedded", "stylegan2"):
        own = found[name]["precision"]
        lines.append(
            f"| {name} | {own['cpu_agreement']['largest']:.1e} | {own['half']['mean']:.1e} | "
            f"{own['float32_ms']} | {own['half_ms']} |"
        )
    lines.append("")
    lines.append("Differences are in standard deviations of the picture: largest, and mean.")
    return "\n".join(lines) + "\n"


def _seconds(row: dict[str, Any]) -> str:
    if "seconds" not in row:
        return row.get("skipped", "-")
    return f"{row['seconds']}{' (stopped: no time)' if row['stopped_by_budget'] else ''}"


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)
