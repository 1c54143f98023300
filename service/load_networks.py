"""What the studio loads behind the page: the networks of a choice of generator."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

#: What may be asked for; the first is the default.
GENERATORS = ("auto", "stylegan2", "mobile")


def load_networks(generator: str, report: Callable[[str, int, int], None]) -> Any:
    """All networks of a personalisation, on all cores this process may use."""
    report("the libraries", 0, 0)
    import torch

    from checkpoints.factory import load_toolkit
    from checkpoints.select_generator import choose_generator
    from mappers.prompts.matcher import fetch_matcher
    from service.warm_up import warm_up

    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    choice = choose_generator(generator, progress=report)
    kit = load_toolkit(choice.generator, progress=report)
    fetch_matcher(report)
    if choice.name == "mobile":  # of StyleGAN2's minutes it would save nothing that shows
        report("a first try", 0, 0)
        warm_up(kit)
    return dataclasses.replace(kit, about=f"{choice.why} {describe_generator(choice.name)}")


def load_other(generator: str) -> Any:
    """What edits of a session file need that was made with another generator."""
    import torch

    from checkpoints.factory import load_edit_kit

    return load_edit_kit(generator, device=torch.device("cpu"))


def describe_generator(name: str) -> str:
    """Which generator is used, and under which licence."""
    from checkpoints.manifest import MANIFEST

    asset = MANIFEST["mobile-synthesis.bin" if name == "mobile" else name]
    return f"{asset.purpose}. Licence: {asset.licence}."
