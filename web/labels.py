"""How the page presents the edits: groups, labels, ends, units and search words.

`Control` has what an edit is for programs; this table has what a person reads. An edit that is not
in the table keeps its own label, so that new directions appear on the page without a row here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pti_core.editing.controls import Control

#: Group of a control to the panel's tab. Others get a tab of their own.
TABS: Mapping[str, str] = {
    "face": "Face",
    "expression": "Expression",
    "pose": "Expression",
    "hair": "Hair",
    "make-up": "Make-up",
    "scene": "Light",
    "sefa": "SeFa",
    "own": "Your own",
}


@dataclass(frozen=True)
class Label:
    """What a person reads about one edit.

    Attributes:
        name: of the slider.
        low, high: what its two ends do; an empty `low` makes the slider one-sided.
        words: further search words.
        unit, scale: an amount is shown times `scale`, in `unit`; None takes the control's unit.
    """

    name: str
    low: str
    high: str
    words: str = ""
    unit: str | None = None
    scale: float = 1.0


LABELS: Mapping[str, Label] = {
    "age": Label("Age", "Younger", "Older", "old young wrinkles years aging child elderly"),
    "gender": Label(
        "Masculine – feminine", "Masculine", "Feminine", "gender sex man woman male female girl boy"
    ),
    "face_width": Label("Face width", "Narrower", "Wider", "slim thin fat round long oval shape"),
    "cheeks": Label("Cheeks", "Slimmer", "Fuller", "weight chubby jaw fat thin diet"),
    "chin": Label("Chin", "Shorter", "Longer", "jaw jawline"),
    "nose_width": Label("Nose width", "Narrower", "Wider", "nostrils"),
    "nose_length": Label("Nose length", "Shorter", "Longer", "nose job"),
    "lips": Label("Lips", "Thinner", "Fuller", "mouth plump"),
    "eyebrows": Label("Eyebrows", "Thinner", "Thicker", "brows"),
    "skin_tone": Label("Skin tone", "Darker", "Lighter", "tan pale complexion colour color"),
    "skin_red": Label("Rosy skin", "Paler", "Rosier", "ruddy blush red flushed cheeks colour"),
    "glasses": Label("Glasses", "", "On", "spectacles eyeglasses sunglasses frames"),
    "smile": Label("Smile", "Serious", "Smiling", "happy laugh grin teeth sad mood", "%", 100.0),
    "mouth_open": Label("Open mouth", "Closed", "Open", "teeth talk lips surprise"),
    "eyes_open": Label("Open eyes", "Narrower", "Wider", "wide closed awake tired sleepy"),
    "brow_raise": Label("Raised eyebrows", "Lower", "Higher", "brows surprise surprised"),
    "frown": Label("Frown", "Relaxed", "Frowning", "angry anger brows worried"),
    "pose": Label("Turn the head", "Left", "Right", "pose rotate side profile look direction"),
    "pitch": Label("Tilt the head", "Down", "Up", "look up look down nod pose chin"),
    "hair_dark": Label("Darker hair", "Lighter", "Darker", "black brown brunette colour color dye"),
    "hair_blond": Label("Blond hair", "", "Blonder", "blonde fair yellow gold colour color dye"),
    "hair_red": Label("Red hair", "", "Redder", "ginger auburn copper colour color dye"),
    "hair_grey": Label("Grey hair", "", "Greyer", "gray white silver old colour color"),
    "hair_length": Label("Hair length", "Shorter", "Longer", "long short cut haircut"),
    "fringe": Label("Fringe", "", "Fuller", "bangs forehead haircut"),
    "hair_curly": Label("Curls", "Straighter", "Curlier", "curly wavy straight volume afro"),
    "bald": Label("Hair loss", "More hair", "Balder", "bald baldness receding thinning"),
    "beard": Label("Beard", "Shaven", "Fuller", "facial hair stubble shave goatee"),
    "moustache": Label("Moustache", "Shaven", "Fuller", "mustache facial hair shave"),
    "makeup": Label("Make-up", "Less", "More", "makeup cosmetics glamour foundation"),
    "lipstick": Label("Lipstick", "Paler", "Redder", "lips red mouth colour color"),
    "eye_makeup": Label("Eye shadow", "Lighter", "Darker", "eyelids mascara eyeliner makeup"),
    "light_side": Label("Light from the side", "Left", "Right", "shadow studio lighting sun"),
    "background": Label("Background", "Darker", "Lighter", "backdrop behind"),
    "background_warm": Label("Background colour", "Cooler", "Warmer", "backdrop color behind"),
    "exposure": Label("Brightness", "Darker", "Brighter", "exposure light"),
    "warmth": Label("Colour warmth", "Cooler", "Warmer", "white balance tint color temperature"),
    "colourful": Label("Colour strength", "Muted", "Stronger", "saturation vivid color colorful"),
}


def described(controls: Sequence[Control]) -> list[dict[str, Any]]:
    """One JSON object a control: name, tab, label, ends, unit, scale, search words."""
    return [_described(control) for control in controls]


def bounds_of(
    controls: Sequence[Control],
    ranges: Mapping[str, tuple[float, float]],
    both_sides: bool = False,
) -> dict[str, tuple[float, float, float]]:
    """Name to (lowest, highest, step) of a person's slider, in the edit's own units.

    Both ends and zero are whole steps within the person's range, so no position is refused. A
    one-sided slider begins at zero, unless `both_sides` of the range are asked for, as looks do.
    """
    found = {}
    for control in controls:
        own = control.within(ranges.get(control.name))
        low, high = own.bounds
        known = LABELS.get(control.name)
        one_sided = known and not known.low and not both_sides
        found[control.name] = (0.0 if one_sided else low, high, own.step)
    return found


def amount_text(control: Control, amount: float) -> str:
    """An amount as a person reads it, as in "+10 years"."""
    label = LABELS.get(control.name)
    scale = label.scale if label else 1.0
    unit = control.unit if label is None or label.unit is None else label.unit
    return f"{amount * scale:+.3g} {unit}".strip().replace("-", "−").replace(" %", "%")


def _described(control: Control) -> dict[str, Any]:
    label = LABELS.get(control.name) or Label(control.label, "Less", "More")
    return {
        "name": control.name,
        "tab": TABS.get(control.group, control.group.capitalize()),
        "label": label.name,
        "low": label.low,
        "high": label.high,
        "words": f"{label.words} {control.label} {control.group}".lower(),
        "unit": control.unit if label.unit is None else label.unit,
        "scale": label.scale,
    }
