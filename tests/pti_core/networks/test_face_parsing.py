"""The face parser on a real photograph, and weights that are not its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pti_core.editing.parsing import Parsing
from pti_core.errors import CheckpointError
from pti_core.faces.align import align
from pti_core.faces.images import to_tensor
from pti_core.networks.face_parsing import CLASSES, FaceParser, face_parser_from_weights

EXAMPLE = Path(__file__).parents[3] / "examples" / "astronaut.jpg"


def test_other_weights_are_refused() -> None:
    weights = FaceParser().state_dict()
    with pytest.raises(CheckpointError, match="19 classes"):
        face_parser_from_weights({"cp.resnet.conv1.weight": torch.zeros(1)})
    weights["conv_out.conv_out.weight"] = torch.zeros(2, 256, 1, 1)
    with pytest.raises(CheckpointError, match="19 classes"):
        face_parser_from_weights(weights)


@pytest.mark.slow
def test_a_photographs_parts_are_where_they_are() -> None:
    from checkpoints.network_loaders import load_face_finder, load_face_parser

    photo = Image.open(EXAMPLE).convert("RGB")
    crop, _ = align(photo, load_face_finder().landmarks(photo), 1024)
    with torch.inference_mode():
        probabilities = load_face_parser()(to_tensor(crop))[0].numpy()
    assert probabilities.shape == (len(CLASSES), 512, 512)
    assert probabilities.sum(0) == pytest.approx(np.ones((512, 512)), abs=1e-4)
    found = Parsing.of(probabilities)
    assert found.group("hair")[110, 256] > 0.7  # above the forehead
    assert found.group("skin")[300, 200] > 0.7  # a cheek
    assert found.group("background")[20, 20] > 0.6
    assert found.group("cloth")[490, 40] > 0.6
    mouth = found.group("mouth") + found.group("lips")
    rows, columns = np.nonzero(mouth > 0.5)
    assert (rows.mean(), columns.mean()) == pytest.approx((365, 256), abs=30)
