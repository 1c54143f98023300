"""Pivotal Tuning Inversion: photograph in, personalised generator out. No UI, no network access.

The public interface, as `examples/quickstart.py` uses it:

    models = load_tuning_models(load_generator("mobile"))     # checkpoints.network_loaders
    session, report = personalise("me.jpg", models)           # photograph -> generator
    image = render(session, models, {"age": 10})              # -> aligned face, R x R
    image = render(session, models, EditState({"smile": 0.5}, hair_color=HairColor("#ff69b4")))
    photograph = paste_back(session, models, {"age": 10})     # -> the whole photograph
    session.save("me.safetensors"); session = Session.open("me.safetensors")
    session, report = refine(session, models)                 # tune further

Names are imported at first use (PEP 562): the web page imports `pti_core.errors` and the like
while torch is still loading.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pti_core.editing.directions import Direction, load_directions
    from pti_core.editing.edit_state import EditState
    from pti_core.editing.hair_color import HairColor
    from pti_core.errors import UserError
    from pti_core.inversion.presets import PRESETS, Preset
    from pti_core.models import EditModels, TuningModels
    from pti_core.personalisation import personalise, refine
    from pti_core.progress import Step
    from pti_core.rendering import paste_back, render
    from pti_core.session.person import PersonState
    from pti_core.session.session import Session

_HOMES = {
    "Direction": "pti_core.editing.directions",
    "load_directions": "pti_core.editing.directions",
    "EditState": "pti_core.editing.edit_state",
    "HairColor": "pti_core.editing.hair_color",
    "UserError": "pti_core.errors",
    "PRESETS": "pti_core.inversion.presets",
    "Preset": "pti_core.inversion.presets",
    "EditModels": "pti_core.models",
    "TuningModels": "pti_core.models",
    "personalise": "pti_core.personalisation",
    "refine": "pti_core.personalisation",
    "Step": "pti_core.progress",
    "paste_back": "pti_core.rendering",
    "render": "pti_core.rendering",
    "PersonState": "pti_core.session.person",
    "Session": "pti_core.session.session",
}

__all__ = [
    "PRESETS",
    "Direction",
    "EditModels",
    "EditState",
    "HairColor",
    "PersonState",
    "Preset",
    "Session",
    "Step",
    "TuningModels",
    "UserError",
    "load_directions",
    "paste_back",
    "personalise",
    "refine",
    "render",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
