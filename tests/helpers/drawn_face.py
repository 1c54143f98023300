"""A drawn face with hair, ears, eyes, nose and mouth, and the masks that a parser would give."""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.parsing import Parsing
from pti_core.networks.face_parsing import CLASSES

SIDE = 256
SKIN, HAIR = (200.0, 150.0, 125.0), (60.0, 40.0, 30.0)
BACKGROUND, CLOTH, LIPS = (90.0, 110.0, 140.0), (30.0, 60.0, 60.0), (170.0, 70.0, 70.0)
EYES = ((96.0, 120.0), (160.0, 120.0))
MOUTH, CHIN = (128.0, 186.0), 225


def ellipse(x: float, y: float, across: float, down: float) -> np.ndarray:
    """A soft mask (SIDE, SIDE) of an ellipse."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    radius = np.hypot((columns - x) / across, (rows - y) / down)
    return np.clip((1 - radius) * min(across, down) + 0.5, 0, 1).astype(np.float32)


def face(
    hair: tuple[float, float, float] = HAIR, hair_line: int = 75, strands: float = 6.0
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """An image (SIDE, SIDE, 3), and masks by class; hair from the top down to `hair_line`."""
    rows = np.arange(SIDE)[:, None]
    head = ellipse(128, 130, 72, 95)
    cap = np.maximum(ellipse(128, 105, 84, 88), head) * (rows < hair_line)
    masks = {
        "neck": ellipse(128, 250, 40, 60) * (rows > CHIN),
        "cloth": (np.ones((SIDE, SIDE)) * (rows > 245)).astype(np.float32),
        "ear_left": ellipse(54, 135, 9, 16),
        "ear_right": ellipse(202, 135, 9, 16),
        "skin": head,
        "nose": ellipse(128, 150, 12, 18),
        "eye_left": ellipse(*EYES[0], 13, 6),
        "eye_right": ellipse(*EYES[1], 13, 6),
        "brow_left": ellipse(96, 103, 16, 4),
        "brow_right": ellipse(160, 103, 16, 4),
        "lip_upper": ellipse(*MOUTH, 26, 9),
        "hair": cap.astype(np.float32),
    }
    colours = {"neck": SKIN, "cloth": CLOTH, "skin": SKIN, "nose": SKIN, "lip_upper": LIPS}
    colours |= {"ear_left": SKIN, "ear_right": SKIN, "hair": hair}
    colours |= dict.fromkeys(("eye_left", "eye_right"), (70.0, 90.0, 120.0))
    colours |= dict.fromkeys(("brow_left", "brow_right"), (70.0, 50.0, 40.0))
    image = np.broadcast_to(np.array(BACKGROUND), (SIDE, SIDE, 3)).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal((1, SIDE, 1)).astype(np.float32)
    for name, mask in masks.items():
        colour = np.array(colours[name], dtype=np.float32)
        if name == "hair":
            colour = colour + strands * noise
        image = image + mask[..., None] * (colour - image)
    return np.clip(image, 0, 255).astype(np.float32), masks


def parse(masks: dict[str, np.ndarray]) -> Parsing:
    """Masks as a parser gives them: later ones cover earlier ones."""
    probabilities = np.zeros((len(CLASSES), SIDE, SIDE), dtype=np.float32)
    probabilities[0] = 1
    for name, mask in masks.items():
        soft = cv2.GaussianBlur(mask, (0, 0), 1.0)
        probabilities *= 1 - soft
        probabilities[CLASSES.index(name)] += soft
    return Parsing.of(probabilities, SIDE)
