"""Personalise a photograph and edit it: `python -m examples.quickstart PHOTO OUT_FOLDER`

With the embedded generator and the preset `fast`: a minute or two on two CPU cores. The first run
downloads the weights (about 270 MB).
"""

from __future__ import annotations

import sys
from pathlib import Path

from checkpoints.network_loaders import load_generator, load_tuning_models
from pti_core import Preset, Session, Step, TuningModels, paste_back, personalise, render
from pti_core.ai_mark import to_png


def quickstart(
    photo: Path, out: Path, models: TuningModels, preset: str | Preset = "fast"
) -> Session:
    """Write the reconstruction, an edit, the edit in its photograph, and the session to `out`."""
    out.mkdir(parents=True, exist_ok=True)

    # 1. Find and align the face, invert it, tune the generator around the pivot.
    session, report = personalise(photo, models, preset, on_step=show)
    print(f"{report['seconds']:.0f} s, LPIPS {report['lpips']:.3f}, MSE {report['mse']:.4f}")

    # 2. Render: amounts are in the direction's own unit, here years.
    # Files carry the mark "edited with AI", which nobody sees and programs read.
    (out / "reconstruction.png").write_bytes(to_png(render(session, models)))
    (out / "age.png").write_bytes(to_png(render(session, models, {"age": 5})))

    # 3. Put the edited face back into the photograph.
    (out / "photograph.png").write_bytes(to_png(paste_back(session, models, {"age": 5})))

    # 4. Keep everything in one file; it opens to the same picture.
    session.save(out / "session.safetensors")
    return Session.open(out / "session.safetensors")


def show(step: Step) -> None:
    """Print where the optimisation stands."""
    losses = ", ".join(f"{name} {value:.4f}" for name, value in step.losses.items())
    print(f"\r{step.stage} {step.index}/{step.total} {losses}", end="", file=sys.stderr)


if __name__ == "__main__":
    photo, out = map(Path, sys.argv[1:])
    quickstart(photo, out, load_tuning_models(load_generator("mobile")))
