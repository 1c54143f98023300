"""`python -m pti_core faces PHOTO`: the faces in a photograph, for `invert --face`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_faces(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("photo", type=Path)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=list_faces)


def list_faces(arguments: argparse.Namespace) -> int:
    """Number and box (left, top, right, bottom; pixels) of every face, the largest first."""
    from checkpoints.network_loaders import load_face_finder
    from pti_core.faces.detect import face_box
    from pti_core.faces.images import open_photograph

    image = open_photograph(arguments.photo)
    boxes = [face_box(points) for points in load_face_finder().all_landmarks(image)]
    whole = [[round(x) for x in box] for box in boxes]
    if arguments.json:
        print(json.dumps([{"face": i, "box": box} for i, box in enumerate(whole)]))
    else:
        for i, box in enumerate(whole):
            print(f"{i}: {', '.join(map(str, box))}")
    return 0
