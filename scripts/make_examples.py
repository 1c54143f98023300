"""Make the ready-made example sessions that the page opens: `python -m scripts.make_examples`.

For each photograph `examples/NAME.jpg` it writes `examples/NAME.safetensors` (the session) and the
small pictures of the first screen, `examples/previews/NAME-{small,before,after}.jpg`. With
`--pictures-only` the sessions stay as they are and only the pictures are made anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

from pti_core.ai_mark import to_jpeg

EXAMPLES = Path(__file__).parents[1] / "examples"
#: Largest session that is shipped, in bytes.
MOST_BYTES = 4_000_000
#: Sides of the pictures of the first screen, in pixels.
HERO_SIDE, SMALL_SIDE = 480, 176
#: What the first screen's picture shows after the edit, in the edits' own units.
AFTER = {"age": -8.0, "smile": 0.3}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", help="examples/NAME.jpg; all by default")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--pictures-only", action="store_true", help="keep the sessions")
    options = parser.parse_args()
    names = options.names or sorted(path.stem for path in EXAMPLES.glob("*.jpg"))

    from checkpoints.network_loaders import load_tuning_models
    from pti_core.personalisation import personalise
    from pti_core.session.session import Session

    models = load_tuning_models("mobile")
    for name in names:
        path = EXAMPLES / f"{name}.safetensors"
        if options.pictures_only:
            if not path.is_file():
                continue
            session = Session.open(path)
        else:
            session, report = personalise(EXAMPLES / f"{name}.jpg", models, options.preset)
            session.save(path)
            print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {report['seconds']:.0f} s")
        if path.stat().st_size > MOST_BYTES:
            print(f"{path.name} is larger than {MOST_BYTES / 1e6:g} MB.", file=sys.stderr)
            return 1
        draw(name, session, models)
    return 0


def draw(name: str, session: object, models: object) -> None:
    """The small pictures of one example."""
    from pti_core.rendering import render

    own = session.directions(models.directions)  # type: ignore[attr-defined]
    edits = {n: min(max(a, own[n].low), own[n].high) for n, a in AFTER.items()}
    folder = EXAMPLES / "previews"
    folder.mkdir(exist_ok=True)
    before: Image.Image = session.crop()  # type: ignore[attr-defined]
    after = render(session, models, edits)  # type: ignore[arg-type]
    for state, picture, side in (
        ("before", before, HERO_SIDE),
        ("after", after, HERO_SIDE),
        ("small", before, SMALL_SIDE),
    ):
        small = picture.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
        data = to_jpeg(small, 82, marked=state == "after")
        (folder / f"{name}-{state}.jpg").write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
