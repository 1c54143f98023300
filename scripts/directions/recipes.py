"""Which directions are made, from which measure, and what must not change with each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How one direction is made.

    name, label, group, layers: as in `pti_core.directions.Direction`.
    measure: the measure that its amounts are calibrated by. sign: -1 where positive amounts lower
    it. fitted: the measure that is fitted instead, where another one says better what to look for.
    kin: measures that may change along, because they say the same or belong to it; all others of
    `GUARDED` are kept out.
    unit, scale: what an amount counts, and how much of the measure one is; scale None: amounts are
    percent of the way to the end of the range.
    wanted: the range asked for, in units; what is offered is the part of it that holds.
    kept: how much of the identity descriptor's change is avoided: the weight of `least_change`.
    step: amounts are rounded down to a multiple of this.
    reach: the longest step in W that is tried, on either side.
    between: only faces whose measure lies here are fitted; None: all.
    one_sided: downwards it can only take away what is there, so that side is not asked to rise.
    eager: whether personalisation measures this person's own curve (`pti_core.fitting`).
    """

    name: str
    label: str
    group: str
    measure: str
    kin: tuple[str, ...] = ()
    sign: int = 1
    fitted: str | None = None
    unit: str = "%"
    scale: float | None = None
    wanted: tuple[float, float] = (-100, 100)
    kept: float = 30
    step: float = 1
    reach: float = 2.8
    between: tuple[float, float] | None = None
    layers: tuple[int, int] | None = None
    one_sided: bool = False
    eager: bool = False

    @property
    def target(self) -> str:
        """The measure that is fitted."""
        return self.fitted or self.measure


#: What a direction must leave alone unless it is its own, or kin: every attribute that has a
#: direction, and what would show: a hat, the light, children among grown people.
GUARDED = (
    *("age", "gender", "yaw", "pitch", "smile", "mouth_open", "eyes_open", "brow_height"),
    *("face_width", "chin_length", "nose_width", "lip_full", "brow_dark"),
    *("skin_light", "skin_yellow", "light_side", "exposure", "background_light"),
    *("hair_light", "hair_red", "hair_yellow", "hair_grey", "hair_length", "fringe", "hair_curly"),
    *("bald", "beard", "moustache", "glasses", "makeup", "lipstick", "hat"),
)

_HAIR_COLOURS = ("hair_light", "hair_red", "hair_yellow", "hair_grey")
_FACIAL_HAIR = ("beard", "moustache")
_SCENE = ("exposure", "background_light", "skin_light", "light_side")

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
        kin=("hair_grey", "hair_light", "hair_yellow", "bald", "lip_full", "lipstick", "makeup"),
        wanted=(-20, 25),
        # Age and identity are not to be had apart: any weight cost more years than distance.
        kept=0,
        reach=3.0,
        # A child's face differs from a grown one in other ways than a young face from an old one.
        between=(15, 80),
        eager=True,
    ),
    Recipe(
        "gender",
        "Feminine or masculine",
        "face",
        "gender",
        kin=(*_FACIAL_HAIR, "makeup", "lipstick", "brow_dark", "bald", "lip_full", "hair_length"),
        kept=0,
    ),
    Recipe("face_width", "Width of the face", "face", "face_width", kin=("chin_length",)),
    Recipe("cheeks", "Fuller cheeks", "face", "jaw_width", kin=("face_width",)),
    Recipe("chin", "Longer chin", "face", "chin_length", kin=("face_width",)),
    Recipe("nose_width", "Wider nose", "face", "nose_width"),
    Recipe("lips", "Fuller lips", "face", "lip_full", kin=("lipstick", "mouth_open")),
    Recipe("eyebrows", "Thicker eyebrows", "face", "brow_dark"),
    Recipe("skin_tone", "Lighter skin", "face", "skin_light", kin=("exposure", "skin_yellow")),
    Recipe("skin_red", "Ruddy skin", "face", "skin_red", kin=("lipstick",)),
    Recipe("glasses", "Glasses", "face", "glasses", reach=3.2, one_sided=True),
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
        reach=2.1,
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
    Recipe("brow_raise", "Raised eyebrows", "expression", "brow_height", kin=("eyes_open",)),
    Recipe("frown", "Frown", "expression", "brow_tilt", sign=-1, kin=("brow_height",)),
    Recipe("gaze", "Gaze, left or right", "expression", "gaze"),
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
    ),
    Recipe(
        name="pitch",
        label="Look up or down",
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
    Recipe(
        "roll", "Tilt the head", "pose", "roll", unit="degrees", scale=1.0, wanted=(-8, 8), step=0.2
    ),
    Recipe("hair_dark", "Darker hair", "hair", "hair_light", sign=-1, kin=_HAIR_COLOURS),
    Recipe("hair_blond", "Blonder hair", "hair", "hair_yellow", kin=_HAIR_COLOURS),
    Recipe("hair_red", "Redder hair", "hair", "hair_red", kin=_HAIR_COLOURS),
    Recipe("hair_grey", "Greyer hair", "hair", "hair_grey", kin=_HAIR_COLOURS, one_sided=True),
    Recipe("hair_length", "Longer hair", "hair", "hair_length", kin=("bald", "hat")),
    Recipe("fringe", "Fringe", "hair", "fringe", kin=_HAIR_COLOURS, one_sided=True),
    Recipe("hair_curly", "Curlier hair", "hair", "hair_curly", one_sided=True),
    Recipe(
        "bald",
        "Balder",
        "hair",
        "bald",
        kin=(*_HAIR_COLOURS, "hair_length", "fringe"),
        one_sided=True,
    ),
    Recipe("beard", "Beard", "hair", "beard", kin=("moustache",), one_sided=True),
    Recipe("moustache", "Moustache", "hair", "moustache", kin=("beard",), one_sided=True),
    Recipe("makeup", "Make-up", "make-up", "makeup", kin=("lipstick",), one_sided=True),
    Recipe("lipstick", "Redder lips", "make-up", "lipstick", kin=("lip_full",)),
    Recipe("eye_makeup", "Darker eyelids", "make-up", "lid_dark", kin=("makeup",)),
    Recipe("light_side", "Light from the side", "scene", "light_side"),
    Recipe("background", "Lighter background", "scene", "background_light", kin=("exposure",)),
    Recipe("background_warm", "Warmer background", "scene", "background_yellow"),
    Recipe("background_busy", "Busier background", "scene", "background_detail"),
    Recipe("exposure", "Brighter picture", "scene", "exposure", kin=_SCENE),
    Recipe("contrast", "More contrast", "scene", "contrast", kin=(*_SCENE, "hair_light")),
    Recipe("warmth", "Warmer colours", "scene", "warmth", kin=("skin_yellow", "hair_yellow")),
    Recipe("colourful", "Stronger colours", "scene", "colourful", kin=("skin_yellow", "hair_red")),
)
