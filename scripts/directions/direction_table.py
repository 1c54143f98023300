"""Which directions are made, from which measure, and what must not change with each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How one direction is made.

    name, label, group, layers: as in `pti_core.editing.directions.Direction`.
    measure: the measure that its amounts are calibrated by. sign: -1 where positive amounts lower
    it. fitted: the measure that is fitted instead, where another one says better what to look for.
    counted: what amounts are counted in, where the measure itself stands still at its ends.
    kin: measures that may change along, because they say the same or belong to it; all others of
    `GUARDED` are kept out.
    unit, scale: what an amount counts, and how much of the measure one is; scale None: amounts are
    percent of the way to the end of the range.
    wanted: the range asked for, in units; what is offered is the part of it that holds.
    kept: how much of the identity descriptor's change is avoided: the weight of `least_change`.
    distance: how far the mean face may be from itself at the ends, in the identity descriptor
    (dlib's "another person" is 0.6); one face in ten may be 0.1 beyond. Glasses and a beard move
    the descriptor of the same person, so theirs is larger.
    step: amounts are rounded down to a multiple of this.
    reach: the longest step in W that is tried, on either side.
    between: only faces whose measure lies here are fitted; None: all.
    one_sided: downwards it can only take away what is there, so that side is not asked to rise.
    saturates: some faces cannot rise further (a woman; black hair that turns brown, not blond), so
    only the mean is asked to.
    steps: how many steps on either side are measured; more where one step is too long to rise.
    eager: whether personalisation measures this person's own curve
        (`pti_core.editing.calibration`).
    """

    name: str
    label: str
    group: str
    measure: str
    kin: tuple[str, ...] = ()
    sign: int = 1
    fitted: str | None = None
    counted: str | None = None
    unit: str = "%"
    scale: float | None = None
    wanted: tuple[float, float] = (-100, 100)
    kept: float = 30
    distance: float = 0.40
    step: float = 1
    reach: float = 2.8
    between: tuple[float, float] | None = None
    layers: tuple[int, int] | None = None
    one_sided: bool = False
    saturates: bool = False
    steps: int = 1
    eager: bool = False

    @property
    def counts(self) -> str:
        """The measure that amounts are counted in."""
        return self.counted or self.measure

    @property
    def target(self) -> str:
        """The measure that is fitted."""
        return self.fitted or self.measure


#: What a direction must leave alone unless it is its own, or kin: most attributes that have a
#: direction, and what would show: a hat, the light.
GUARDED = (
    *("age", "gender", "yaw", "pitch", "smile", "mouth_open", "eyes_open", "brow_height"),
    *("face_width", "chin_length", "nose_width", "lip_full", "brow_dark"),
    *("skin_light", "skin_red", "skin_yellow", "light_side"),
    *("exposure", "contrast", "warmth", "colourful"),
    *("background_light", "background_red", "background_yellow"),
    *("hair_light", "hair_red", "hair_yellow", "hair_grey", "hair_length", "fringe", "hair_curly"),
    *("bald", "beard", "moustache", "glasses", "makeup", "lipstick", "hat"),
)

_HAIR = ("hair_light", "hair_red", "hair_yellow", "hair_grey")
_SKIN = ("skin_light", "skin_red", "skin_yellow")
_BACKGROUND = ("background_light", "background_red", "background_yellow")
_PICTURE = ("exposure", "contrast", "warmth", "colourful")

RECIPES = (
    Recipe(
        name="age",
        label="Age",
        group="face",
        unit="years",
        measure="age",
        scale=1.0,
        fitted="ageing",
        # Grey hair and a receding hairline are part of it; so is less red in the lips.
        kin=(*_HAIR, *_SKIN, "bald", "lip_full", "lipstick", "makeup", "colourful", "contrast"),
        wanted=(-20, 25),
        # Age and identity are not to be had apart: any weight cost more years than distance.
        kept=0,
        reach=5.0,
        steps=2,
        # A child's face differs from a grown one in other ways than a young face from an old one.
        between=(15, 80),
        eager=True,
    ),
    Recipe(
        "gender",
        "Feminine",
        "face",
        "gender",
        counted="femininity",
        saturates=True,
        steps=2,
        kin=(
            *("beard", "moustache", "makeup", "lipstick", "brow_dark", "bald", "lip_full"),
            *("hair_length", "chin_length", "face_width", "skin_light"),
        ),
        kept=0,
    ),
    Recipe("face_width", "Wider face", "face", "face_width", kin=("chin_length",)),
    Recipe("cheeks", "Fuller cheeks", "face", "jaw_width", kin=("face_width",), steps=2),
    Recipe("chin", "Longer chin", "face", "chin_length", kin=("face_width",)),
    Recipe("nose_width", "Wider nose", "face", "nose_width", steps=2),
    Recipe("nose_length", "Longer nose", "face", "nose_length"),
    Recipe("lips", "Fuller lips", "face", "lip_full", kin=("lipstick", "mouth_open", "makeup")),
    Recipe("eyebrows", "Thicker eyebrows", "face", "brow_dark"),
    Recipe(
        "skin_tone",
        "Lighter skin",
        "face",
        "skin_light",
        kin=("skin_red", "skin_yellow"),
        reach=1.8,
    ),
    Recipe(
        "skin_red",
        "Ruddy skin",
        "face",
        "skin_red",
        kin=("lipstick", "skin_light", "warmth"),
        reach=1.2,
    ),
    Recipe(
        "glasses", "Glasses", "face", "glasses", kept=0, reach=4.5, one_sided=True, distance=0.5
    ),
    Recipe(
        name="smile",
        label="Smile",
        group="expression",
        # Six tenths of the way from a mouth at rest to a broad smile with bared teeth.
        unit="clear smiles",
        measure="smile",
        scale=0.6,
        kin=("mouth_open", "lip_full", "chin_length", "face_width", "nose_width", "lipstick"),
        wanted=(-1, 1),
        kept=100,
        step=0.1,
        reach=2.4,
        eager=True,
    ),
    Recipe(
        "mouth_open",
        "Open mouth",
        "expression",
        "mouth_open",
        kin=("chin_length", "lip_full", "face_width"),
    ),
    Recipe("eyes_open", "Open eyes", "expression", "eyes_open", kin=("brow_height",)),
    Recipe(
        "brow_raise", "Raised eyebrows", "expression", "brow_height", kin=("eyes_open",), steps=2
    ),
    Recipe(
        "frown",
        "Frown",
        "expression",
        "brow_tilt",
        sign=-1,
        kin=("brow_height", "eyes_open"),
        steps=2,
    ),
    Recipe(
        name="pose",
        label="Turn the head",
        group="pose",
        unit="degrees",
        measure="yaw",
        scale=1.0,
        kin=("light_side", "nose_width", "face_width"),
        wanted=(-25, 25),
        kept=100,
        reach=4.2,
        eager=True,
        steps=2,
    ),
    Recipe(
        name="pitch",
        label="Look up",
        group="pose",
        unit="degrees",
        measure="pitch",
        scale=1.0,
        kin=("chin_length", "brow_height", "eyes_open", "face_width"),
        wanted=(-15, 15),
        kept=100,
        step=0.5,
        reach=3.2,
    ),
    Recipe("hair_dark", "Darker hair", "hair", "hair_light", sign=-1, kin=_HAIR, reach=3.2, kept=0),
    Recipe(
        "hair_blond",
        "Blonder hair",
        "hair",
        "blond",
        kin=_HAIR,
        reach=3.6,
        kept=0,
        steps=2,
        saturates=True,
    ),
    Recipe("hair_red", "Redder hair", "hair", "hair_red", kin=_HAIR, reach=3.6, kept=0),
    Recipe(
        "hair_grey",
        "Greyer hair",
        "hair",
        "hair_grey",
        kin=_HAIR,
        one_sided=True,
        reach=3.6,
        kept=0,
    ),
    Recipe(
        "hair_length",
        "Longer hair",
        "hair",
        "hair_length",
        kin=("bald", "hat"),
        kept=0,
        reach=4.2,
        one_sided=True,  # short hair does not get shorter
    ),
    Recipe("fringe", "Fringe", "hair", "fringe", kin=_HAIR, kept=0, reach=3.6, one_sided=True),
    Recipe("hair_curly", "Curlier hair", "hair", "hair_curly", kept=0, one_sided=True, reach=3.6),
    Recipe(
        "bald",
        "Balder",
        "hair",
        "bald",
        kin=(*_HAIR, "hair_length", "fringe", "hair_curly"),
        kept=0,
        reach=4.5,
        one_sided=True,
        distance=0.5,
    ),
    Recipe(
        "beard",
        "Beard",
        "hair",
        "beard",
        kin=("moustache", "chin_length", "lip_full"),
        kept=0,
        reach=4.5,
        one_sided=True,
        distance=0.5,
    ),
    Recipe(
        "moustache",
        "Moustache",
        "hair",
        "moustache",
        kin=("beard", "lip_full"),
        kept=0,
        reach=4.5,
        one_sided=True,
        distance=0.5,
    ),
    Recipe(
        "makeup",
        "Make-up",
        "make-up",
        "makeup",
        kin=("lipstick", "contrast"),
        one_sided=True,
        reach=2.4,
    ),
    Recipe("lipstick", "Redder lips", "make-up", "lipstick", kin=("lip_full", "makeup"), reach=2.2),
    Recipe("eye_makeup", "Darker eyelids", "make-up", "lid_dark", kin=("makeup",)),
    Recipe("light_side", "Light from the right", "scene", "light_side"),
    Recipe(
        "background",
        "Lighter background",
        "scene",
        "background_light",
        kin=("exposure", "contrast", *_BACKGROUND),
        reach=2.4,
    ),
    Recipe(
        "background_warm",
        "Warmer background",
        "scene",
        "background_yellow",
        kin=("warmth", "colourful", *_BACKGROUND),
    ),
    Recipe(
        "exposure",
        "Brighter picture",
        "scene",
        "exposure",
        kin=(*_PICTURE, *_SKIN, *_BACKGROUND, *_HAIR),
        reach=1.6,
    ),
    Recipe(
        "warmth",
        "Warmer colours",
        "scene",
        "warmth",
        kin=(*_PICTURE, *_SKIN, *_BACKGROUND, *_HAIR),
        reach=1.6,
    ),
    Recipe(
        "colourful",
        "Stronger colours",
        "scene",
        "colourful",
        kin=(*_PICTURE, *_SKIN, *_BACKGROUND, *_HAIR),
        reach=1.6,
    ),
)
