"""What the studio loads behind the page: the networks of a choice of generator.

What edits need comes first, so that a ready-made face can be edited while the rest is loaded.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.lazy_loader import LazyLoader, Report

if TYPE_CHECKING:
    from pti_core.models import EditModels

_log = logging.getLogger(__name__)

#: What may be asked for; the first is the default.
GENERATORS = ("auto", "stylegan2", "mobile")


def load_editor(generator: str, report: Report) -> EditModels:
    """What edits need, of a choice of generator: the first part of `load_networks`."""
    report("the libraries", 0, 0)
    import torch

    from checkpoints.network_loaders import load_edit_models
    from checkpoints.select_generator import choose_generator

    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    choice = choose_generator(generator, progress=report)
    if examined(choice.name, report):
        choice = choose_generator(generator, progress=report)  # without what was found wrong
    about = f"{choice.why} {describe_generator(choice.name)}".strip()
    models = load_edit_models(choice.generator, report, torch.device("cpu"))
    return dataclasses.replace(models, about=about)


def load_networks(
    generator: str, report: Report, editor: LazyLoader[EditModels] | None = None
) -> Any:
    """All networks of a personalisation, on all cores this process may use.

    editor: loads what edits need, by `load_editor`; it is taken from there.
    """
    models = editor.get() if editor else load_editor(generator, report)
    from checkpoints.network_loaders import load_tuning_models
    from mappers.prompts.reader import fetch_reader
    from service.warm_up import warm_up

    tuning_models = load_tuning_models(models.generator, progress=report, parser=models.parser)
    fetch_reader(report)
    if models.generator.name == "mobile":  # of StyleGAN2's minutes it would save nothing that shows
        report("a first try", 0, 0)
        warm_up(tuning_models)
    return dataclasses.replace(tuning_models, about=models.about)


def examined(generator: str, report: Report) -> bool:
    """Test the weight files that no test has seen; whether the generator's own is wrong.

    On a Space this is the first start, or the first after a file changed. Elsewhere files of the
    Hub are tested when there are some (`python -m checkpoints doctor` does it by hand).
    """
    from checkpoints.fetch import Store, on_space
    from service.doctor.background import Doctor
    from service.doctor.examination import has_untested, report_file

    first = on_space() and not report_file().exists()
    if not first and not has_untested():
        return False
    report("the tests of the weight files", 0, 0)
    try:
        found = Doctor().examine(lambda name: report(f"the test of {name}", 0, 0))
    except Exception:  # what it would say is not worth a server that does not start
        _log.exception("the weight files could not be tested")
        return False
    if first:
        print(found.text(), flush=True)
    asset = Store.from_environment().manifest.get(generator)
    return asset is not None and any(one.name == asset.name for one in found.wrong)


def is_own_file(generator: str) -> bool:
    """Whether a choice names the file of a generator that is here."""
    path = Path(generator).expanduser()
    return path.suffix.lower() in (".pkl", ".pt", ".pth") and path.is_file()


def load_other(generator: str) -> Any:
    """What edits of a session file need that was made with another generator."""
    import torch

    from checkpoints.network_loaders import load_edit_models

    return load_edit_models(generator, device=torch.device("cpu"))


def describe_generator(name: str) -> str:
    """Which generator is used, and under which licence."""
    from checkpoints.manifest import MANIFEST

    if name not in ("mobile", *MANIFEST):
        return ""  # one of somebody's own, of which nothing is known but what was said
    asset = MANIFEST["mobile-synthesis.bin" if name == "mobile" else name]
    return f"{asset.purpose}. Licence: {asset.licence}."
