"""Which generator to use: the full StyleGAN2 where it can run and be had, else the embedded one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoints.errors import DiskFullError, HubDownError
from checkpoints.fetch import Progress, Store
from checkpoints.network_loaders import GENERATORS, load_generator
from checkpoints.own_generator import describe_own, find_own, is_own, subject_of
from pti_core.errors import CheckpointError, UserError
from pti_core.networks.devices import pick_device

if TYPE_CHECKING:
    import torch

    from pti_core.generators.base import Generator

#: What may be asked for; the names in `GENERATORS` ask for one file.
CHOICES = ("auto", "stylegan2", "mobile")
EMBEDDED = "mobile"
STYLEGAN2 = tuple(name for name in GENERATORS if name.startswith("stylegan2"))


@dataclass(frozen=True)
class Choice:
    """A generator, ready on its device, and one sentence on which it is and why."""

    generator: Generator
    why: str

    @property
    def name(self) -> str:
        return self.generator.name


def choose_generator(
    wanted: str = "auto",
    device: str | torch.device | None = None,
    progress: Progress | None = None,
) -> Choice:
    """The generator that was asked for, or the embedded one where that cannot be had.

    Args:
        wanted: one of `CHOICES` or `GENERATORS`, an own generator's name, or the path of its file
            (`checkpoints.own_generator`). "auto": StyleGAN2 on a GPU, else the embedded one.
        device: where it is to run; by default the first GPU, else the CPU.

    Raises:
        CheckpointError: not even the embedded generator can be had.
        UserError: there is no such choice.
    """
    place = pick_device(device)
    choice = pick_generator(wanted, place.type == "cuda", progress)
    choice.generator.place(place)
    return choice


def pick_generator(wanted: str, on_gpu: bool, progress: Progress | None = None) -> Choice:
    """`choose_generator`, but the generator still lies in memory, for a GPU or for the CPU."""
    if (own := _own_name(wanted)) is not None:
        generator = load_generator(own, progress)
        return Choice(generator, describe_own(generator, subject_of(generator, progress)))
    if wanted not in (*CHOICES, *GENERATORS):
        raise UserError(f"There is no generator named {wanted!r}; use {', '.join(CHOICES)}.")
    on = "the GPU" if on_gpu else "the CPU"
    if wanted == EMBEDDED:
        why = f"The embedded generator (MobileStyleGAN) runs on {on}, as asked."
    elif wanted == "auto" and not on_gpu:
        why = "There is no GPU here, so the embedded generator (MobileStyleGAN) runs on the CPU."
    else:
        try:
            found = _first_of(_order(wanted), progress)
        except CheckpointError as trouble:
            reason = str(trouble).rstrip(".")
            why = f"The embedded generator runs in place of StyleGAN2, which failed: {reason}."
        else:
            asked = "as asked" if wanted != "auto" else "there is one, and the weights are here"
            return Choice(found, f"StyleGAN2-FFHQ runs on {on}: {asked}.")
    return Choice(load_generator(EMBEDDED, progress), why)


def _own_name(wanted: str) -> str | None:
    """The name of an own generator that is asked for by its name or file; else None."""
    if is_own(wanted):
        return wanted
    is_file = Path(wanted).suffix.lower() in (".pkl", ".pt", ".pth")
    return find_own(Path(wanted).expanduser()) if is_file else None


def _order(wanted: str) -> Sequence[str]:
    """Files to try: those that are here before those to be downloaded."""
    if wanted in STYLEGAN2:
        return (wanted,)
    store = Store.from_environment()
    return sorted(STYLEGAN2, key=lambda name: store.find(name) is None)


def _first_of(names: Sequence[str], progress: Progress | None) -> Generator:
    """The first generator that can be had; the first one's error where none can."""
    errors: list[CheckpointError] = []
    for name in names:
        try:
            return load_generator(name, progress)
        except (DiskFullError, HubDownError) as error:
            errors.append(error)
            break  # the next file would fail alike
        except CheckpointError as error:
            errors.append(error)
    raise errors[0]
