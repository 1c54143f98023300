"""`python -m mappers.train`: train a latent mapper for a prompt; it can be resumed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.exit_status import exit_status
from mappers.styleclip.published import find_name, trained_folder
from pti_core.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mappers.train", description="Train a latent mapper; it can be resumed."
    )
    parser.add_argument("--prompt", required=True, help='as in "a face with a bowl cut"')
    parser.add_argument("--name", help="of the mapper (default: from the prompt)")
    parser.add_argument("--generator", default="mobile", metavar="NAME")
    parser.add_argument("--steps", type=int, metavar="N")
    parser.add_argument("--batch", type=int, metavar="N")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--no-fine", action="store_true", help="leave the fine levels alone")
    parser.add_argument("--out", type=Path, metavar="FILE.pt")
    parsed = parser.parse_args(arguments)
    return exit_status(
        lambda: _train(parsed), "Interrupted; the same command goes on from the last saving."
    )


def _train(parsed: argparse.Namespace) -> int:
    from checkpoints.network_loaders import load_generator
    from cli.download_progress import Report
    from cli.progress_bar import StepDisplay
    from mappers.styleclip.clip import load_clip
    from mappers.styleclip.losses import load_identity_loss
    from mappers.styleclip.train import TrainingConfig, begin, resume, train
    from pti_core.networks.devices import pick_device

    prompt = parsed.prompt.strip()
    given = {name: getattr(parsed, name) for name in ("steps", "batch", "seed")}
    given = {name: value for name, value in given.items() if value is not None}
    if not prompt or min(given.get("steps", 1), given.get("batch", 1)) < 1:
        raise UserError("Give a prompt, and whole numbers of at least 1 for --steps and --batch.")
    path = parsed.out or trained_folder() / f"{find_name(parsed.name or prompt)}.pt"
    config = TrainingConfig(**given, no_fine=parsed.no_fine)
    state = resume(path, prompt, config) if path.exists() else begin(prompt, config)
    with Report() as report:
        clip = load_clip(report)
        generator = load_generator(parsed.generator, report).place(pick_device())
        identity, name = load_identity_loss(report)
    print(f"The identity loss is {name}.", file=sys.stderr)
    clip.to(generator.w_avg.device)
    with StepDisplay() as display:
        state = train(state, generator, clip, identity, path, display)
    print(f"{path}: {state.step} steps for {prompt!r}")
    return 0
