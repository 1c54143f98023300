"""`python -m mappers.global_directions build`: measure every channel of a generator with CLIP."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cli.exit_status import exit_status
from pti_core.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mappers.global_directions")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="measure every channel (hours; it can be resumed)")
    building.add_argument("--generator", default="mobile", metavar="NAME")
    building.add_argument("--images", type=int, metavar="N")
    building.add_argument("--seed", type=int, default=0, metavar="N")
    building.add_argument("--out", type=Path, metavar="FILE.safetensors")
    parsed = parser.parse_args(arguments)
    return exit_status(lambda: _build(parsed), "Interrupted; the same command goes on from here.")


def _build(parsed: argparse.Namespace) -> int:
    from tqdm import tqdm

    from checkpoints.network_loaders import load_generator
    from cli.download_progress import Report
    from mappers.styleclip.clip import load_clip
    from mappers.styleclip.global_directions import IMAGES, build, default_path
    from pti_core.networks.devices import pick_device

    images = IMAGES if parsed.images is None else parsed.images
    if images < 1:
        raise UserError("--images is a whole number of at least 1.")
    path = parsed.out or default_path(parsed.generator)
    with Report() as report:
        clip = load_clip(report)
        generator = load_generator(parsed.generator, report).place(pick_device())
    clip.to(generator.w_avg.device)
    with tqdm(desc="Measuring channels", unit="channel", dynamic_ncols=True) as bar:

        def on_channel(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = build(generator, clip, path, images, parsed.seed, on_channel)
    print(f"{path}: {found.channels} channels of {generator.name}, {found.images} images each")
    return 0
