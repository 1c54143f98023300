"""python -m benchmarks.personalise PHOTOS --out DIR: presets against each other, in one run.

Every photograph is personalised by each preset in turn, so that what slows the machine slows all of
them. Writes `results.json` after every run (a run that is there is not repeated), `table.md` (time
by stage, quality, memory, size of the session) and `quality.png` (squared error against time). Each
run is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

from evaluation.photographs import find_photographs
from service.malloc_tuning import tune_malloc

METRICS = ("mse", "ms_ssim_distance", "lpips", "lpips_256", "identity_distance")
STAGES = ("align", "invert", "tune", "fit edits")


def run(photo: Path, preset: str, threads: int) -> dict[str, Any]:
    """One personalisation: its report, what the file costs, and how the error fell."""
    tune_malloc()
    import torch

    torch.set_num_threads(threads)
    from checkpoints.network_loaders import load_tuning_models
    from pti_core.faces.images import to_tensor
    from pti_core.personalisation import personalise
    from pti_core.rendering import render
    from service.warm_up import warm_up

    models = load_tuning_models("mobile")
    warm_up(models)  # as the app does
    began, fall, drafts = time.perf_counter(), [], []

    def on_step(step: Any) -> None:
        if step.draft is not None:
            drafts.append(round(time.perf_counter() - began, 2))
        if "mse" in step.losses:
            fall.append((round(time.perf_counter() - began, 2), step.losses["mse"]))

    session, report = personalise(photo, models, preset, on_step=on_step)
    whole, packed = session.to_bytes(eight_bits=False), session.to_bytes()
    opened = type(session).open(packed, models.generator)
    a, b = (to_tensor(render(one, models, {})) for one in (session, opened))
    return {
        **{key: value for key, value in report.items() if key != "ranges"},
        "first_draft": min(drafts, default=report["seconds"]),
        "session_mb": round(len(packed) / 1e6, 2),
        "session_mb_16_bits": round(len(whole) / 1e6, 2),
        "lpips_of_packing": float(models.lpips_report(a, b)),
        "fall": fall,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Means and medians by preset, then every run, in Markdown."""
    columns = ["preset", "seconds", "first_draft", *STAGES, *METRICS, "peak_rss_mb", "session_mb"]
    lines = [
        " | ".join(["", "photograph", *columns, ""]).strip(),
        "|---" * (len(columns) + 1) + "|",
    ]
    presets = list(dict.fromkeys(row["preset"] for row in rows))
    for preset in presets:
        own = [row for row in rows if row["preset"] == preset]
        flat = [_flat(row) for row in own]
        spread = {
            name: statistics.median(one[name] for one in flat)
            if name in ("seconds", "first_draft", *STAGES)
            else max(one[name] for one in flat)
            if name == "peak_rss_mb"
            else statistics.fmean(one[name] for one in flat)
            for name in columns[1:]
        }
        lines.append(_line(f"**all {len(own)}**", preset, spread, columns))
    lines += [_line(row["photograph"], row["preset"], _flat(row), columns) for row in rows]
    return "\n".join(lines) + "\n"


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Squared error of the picture being tuned against seconds, a line a run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    presets = list(dict.fromkeys(row["preset"] for row in rows))
    for number, preset in enumerate(presets):
        for i, row in enumerate(row for row in rows if row["preset"] == preset):
            seconds, error = zip(*row["fall"], strict=True)
            label = preset if i == 0 else None
            axes.plot(seconds, error, color=f"C{number}", alpha=0.6, linewidth=1, label=label)
    axes.set(xscale="log", yscale="log", xlabel="seconds", ylabel="squared error")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def machine() -> str:
    """What the figures were taken on."""
    import torch

    name = next(
        (line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")),
        platform.processor(),
    )
    return f"{name}, {os.cpu_count()} cores, PyTorch {torch.__version__}"


def main() -> None:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    store = arguments.out / "results.json"
    rows: list[dict[str, Any]] = json.loads(store.read_text()) if store.exists() else []
    done = {(row["photograph"], row["preset"]) for row in rows}
    photos = find_photographs([arguments.photos], arguments.limit)
    fresh = multiprocessing.get_context("spawn")
    for photo in photos:
        for preset in arguments.presets:
            if (photo.name, preset) in done:
                continue
            with fresh.Pool(1, maxtasksperchild=1) as pool:
                row = pool.apply(run, (photo.path, preset, arguments.threads))
            rows.append({"photograph": photo.name, "machine": machine(), **row})
            store.write_text(json.dumps(rows, indent=1))
            print(
                f"{photo.name}, {preset}: {row['seconds']:.1f} s, mse {row['mse']:.4f}", flush=True
            )
    text = f"{machine()}, {arguments.threads} threads\n\n{table(rows)}"
    (arguments.out / "table.md").write_text(text)
    plot(rows, arguments.out / "quality.png")
    print(text)


def _flat(row: dict[str, Any]) -> dict[str, float]:
    row = {"first_draft": row["seconds"], **row}  # of earlier results
    return {**row, **{stage: row["seconds_by_stage"].get(stage, 0.0) for stage in STAGES}}


def _line(name: str, preset: str, row: dict[str, Any], columns: list[str]) -> str:
    cells = [name, preset]
    for column in columns[1:]:
        value = row[column]
        digits = 4 if column == "mse" else 3 if column in METRICS else 1
        cells.append("-" if value is None else f"{value:.{digits}f}")
    return f"| {' | '.join(cells)} |"


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.personalise", description=__doc__)
    add = parser.add_argument
    add("photos", type=Path, help="a folder of photographs")
    add("--out", type=Path, required=True, help="folder of the results")
    add("--presets", type=lambda text: text.split(","), default=["fast", "paper"])
    add("--limit", type=int, help="the first photographs only")
    add("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
