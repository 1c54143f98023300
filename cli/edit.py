"""`python -m pti_core edit SESSION`: a session to an edited image."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli.arguments import setting, whole_number
from cli.field_files import with_directions
from cli.outputs import check_outputs, picture_format, write_picture
from pti_core.errors import UserError
from service.malloc_tuning import tune_malloc

if TYPE_CHECKING:
    from pti_core.editing.hair_color import HairColor
    from pti_core.faces.images import Photograph
    from pti_core.session.session import Session

#: Side at which a photograph is compared with a session's copy, and the mean difference, of 255,
#: up to which they are the same one. JPEG's is under 2; that of two pictures some 40.
_GLANCE, _ALIKE = 32, 10.0


def edit(arguments: argparse.Namespace) -> int:
    """Session to edited picture."""
    picture_format(arguments.out)
    inputs = [arguments.session, *([arguments.photo] if arguments.photo else [])]
    check_outputs({"--out": arguments.out}, inputs)
    tune_malloc()

    from checkpoints.network_loaders import load_edit_models
    from checkpoints.own_generator import is_own
    from cli.download_progress import Report
    from pti_core.editing import directions
    from pti_core.rendering import notes, paste_back, render, render_edit
    from pti_core.session.session import Session

    session = Session.open(arguments.session)
    if arguments.person is not None and arguments.person >= len(session.crops):
        raise UserError(f"The session holds {len(session.crops)} photograph(s), counted from 0.")
    edits = {**session.edits, **dict(arguments.set)}
    color = _hair_color(arguments) or session.hair_color
    person = session.at(arguments.person)
    state = replace(session.edit_state, amounts=edits, hair_color=color, person=person)
    if not arguments.directions and not is_own(session.generator_name):
        # Before the generator is fetched: a wrong name or amount.
        own = session.directions(directions.load_directions(), person)
        directions.apply(session.pivots, edits, own)
    # Before the work, too: the wrong photograph.
    photo = _own_photograph(arguments.photo, session, person) if arguments.photo else None
    with Report() as report_download:
        models = load_edit_models(session.generator_name, report_download)
    session = with_directions(session, models, arguments.directions)
    if photo:
        rendering = render_edit(session, models, state)
        picture = rendering.in_file(photo, session.alignments[person])
    else:
        picture = (paste_back if arguments.paste else render)(session, models, state)
    write_picture(arguments.out, picture)
    changes = [f"{name} {amount:+g}" for name, amount in edits.items()]
    if color is not None:
        changes.append(f"hair {color.color}")
    print(f"{arguments.out}: {', '.join(changes) or 'no edits'}")
    for note in notes(session, models, state):
        print(note)
    return 0


def _own_photograph(path: Path, session: Session, person: int) -> Photograph:
    """The file of a session's photograph at its own size.

    Raises:
        UserError: it is another photograph.
    """
    from PIL import ImageChops, ImageStat

    from pti_core.faces.images import read_photograph

    photo, kept = read_photograph(path, max_side=None), session.photograph(person)
    small = [image.resize((_GLANCE, _GLANCE)) for image in (photo.image, kept)]
    (wide, high), (kept_wide, kept_high) = photo.image.size, kept.size
    alike = abs(wide / high * kept_high / kept_wide - 1) < 0.02
    if not alike or max(ImageStat.Stat(ImageChops.difference(*small)).mean) > _ALIKE:
        raise UserError(f"{path} is not the photograph of this session.")
    return photo


def _hair_color(arguments: argparse.Namespace) -> HairColor | None:
    from pti_core.editing.hair_color import HairColor

    if arguments.hair_color is None:
        return None
    return HairColor(arguments.hair_color, arguments.hair_strength, arguments.hair_brows)


def add_edit(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=edit)
    add = parser.add_argument
    add("session", type=Path, metavar="S.safetensors")
    add("--out", type=Path, required=True, metavar="P.png", help="the picture to write")
    add(
        "--set",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=AMOUNT",
        help="as in age=+10; may be given several times",
    )
    add(
        "--directions",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="directions of your own (.npy, .pt, .npz), for --set; their names are printed",
    )
    add("--hair-color", metavar="#RRGGBB", help='colour of the hair, as in "#ff69b4"')
    add("--hair-strength", type=float, default=1.0, metavar="S", help="0 to 1; default: 1")
    add("--hair-brows", action="store_true", help="the brows take the colour too")
    add("--paste", action="store_true", help="put the face back into the photograph")
    add(
        "--photo",
        type=Path,
        metavar="FILE",
        help="into the photograph's own file: its full size, opacity and colour profile; a session "
        "keeps 6000 pixels at most",
    )
    add(
        "--person",
        type=whole_number,
        metavar="I",
        help="which of the session's photographs, from 0; default: the one that it shows",
    )
