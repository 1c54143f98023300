"""The whole photograph, as the app shows and saves it."""

from __future__ import annotations

import numpy as np
import torch

from pti_core.models import TuningModels
from pti_core.networks.face_parsing import FaceParser
from service.studio import Studio
from tests.pti_core.session.test_session import make_session


def test_unedited_the_app_gives_the_photograph(generator, directions, lpips, make_picture) -> None:
    """The edit is repeated on the photograph's own pixels; a pasted crop would soften them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parser = FaceParser()
    parts = {"lpips": lpips, "lpips_report": lpips, "faces": None}
    studio = Studio(
        lambda report: TuningModels(
            generator=generator, directions=directions, parser=parser, **parts
        )
    )
    studio.networks.get()
    session = make_session(generator, make_picture)
    workspace = studio.open(session.to_bytes()).id
    whole = studio.picture(workspace, {}, "photograph")
    assert np.array_equal(whole, session.photograph())
    small = studio.picture(workspace, {}, "photograph", side=100)
    assert max(small.size) == 100
    edited = studio.picture(workspace, {"age": 10.0}, "photograph")
    assert edited.size == whole.size and not np.array_equal(edited, whole)
