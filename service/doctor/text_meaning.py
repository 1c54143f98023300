"""Whether CLIP knows what a picture shows, and whether a mapper does what it is named for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from checkpoints.identify import options_of
from mappers.styleclip.clip import Clip, tokenize
from mappers.styleclip.latent_mapper import ABSENT, STRENGTH, LevelsMapper
from mappers.styleclip.published import MAPPERS, PREFIX
from pti_core.editing.parsing import Parsing
from service.doctor.findings import State
from service.doctor.witnesses import Witnesses, shown

Outcome = tuple[State, str]

#: ViT-B/32's own input and length of a feature.
CLIP_SIDE, CLIP_WIDTH = 224, 512
#: exp(logit_scale) of OpenAI's networks: training held it at 100 (Radford et al. 2021, 2.5).
LOGIT_SCALE = float(np.log(100.0))
#: The first is right for the astronaut.
SENTENCES = (
    "a photo of a smiling woman astronaut in an orange space suit",
    "a photo of a dog in the snow",
    "a photo of a red sports car",
    "a photo of a plate of spaghetti",
    "a photo of a bearded man in a hat",
    "a drawing of a house",
    "a photo of a football match at night",
    "a photo of a mountain lake",
)
#: How far a published feature may be from the file's: they have four digits, and half precision
#: leaves three. Another training's are off by one and more.
MOST_FEATURE_ERROR = 0.05


@dataclass(frozen=True, eq=False)
class ClipFeatures:
    """Numbers 1 to 3 of features before their projection: of the text's tokens 1 to 3 (3, 3), of
    its end (3,), and of a picture (3,) whose normalised pixels are all 0.5."""

    tokens: Tensor
    end: Tensor
    picture: Tensor


GOLDEN_TEXT = "a photo of a cat"
#: Of openai/clip-vit-base-patch32, as the tests of Bumblebee state them (Apache-2.0, github
#: elixir-nx/bumblebee, test/bumblebee/{text,vision}/clip_*_test.exs).
GOLDEN = ClipFeatures(
    torch.tensor(
        [[-0.5844, 0.3685, -2.0744], [-0.9600, 1.0018, -0.2415], [-0.5957, -0.1719, 0.4689]]
    ),
    torch.tensor([0.1658, 0.8876, 10.6313]),
    torch.tensor([0.3602, 0.3658, -0.2337]),
)
#: Mappers that their publisher trained without the fine levels.
WITHOUT_FINE = frozenset(
    ("afro", "angry", "bobcut", "bowlcut", "curly_hair", "mohawk", "surprised")
)
#: Faces on which a mapper's effect is measured, and the least and most that one may move a code, in
#: standard deviations of w: less shows nothing, more leaves the faces.
FACES, LEAST_STEP, MOST_STEP = 3, 0.005, 3.0
#: An effect under this share of its usual size is no proof either way.
DOUBTFUL = 0.25


def judge_clip(
    clip: Clip, known: Witnesses, side: int = CLIP_SIDE, golden: ClipFeatures | None = None
) -> Outcome:
    """CLIP: its size and temperature, published features (`GOLDEN`, or those given), and the right
    of eight sentences for the astronaut."""
    width = int(clip.network.text_projection.shape[1])
    if clip.side != side or (side == CLIP_SIDE and width != CLIP_WIDTH):
        return State.WRONG, (
            f"It is a CLIP for pictures of {clip.side} pixels with features of {width}, and "
            f"ViT-B/32 has {CLIP_SIDE} and {CLIP_WIDTH}."
        )
    scale = float(clip.network.logit_scale)
    if abs(scale - LOGIT_SCALE) > 0.05:
        return State.WRONG, (
            f"Its logit scale is {scale:.2f} and OpenAI's {LOGIT_SCALE:.2f}: other weights, or "
            "not trained."
        )
    error = feature_error(clip_features(clip), golden or GOLDEN)
    if not error <= MOST_FEATURE_ERROR:
        return State.WRONG, (
            f"It is a CLIP of that size, but not OpenAI's: its features of {GOLDEN_TEXT!r} and of "
            f"a grey picture are off by {error:.2g}."
        )
    picture = torch.from_numpy(np.array(known.examples["astronaut"], dtype=np.float32))
    with torch.inference_mode():
        image = clip.image((picture / 127.5 - 1).permute(2, 0, 1)[None].to(clip.mean.device))
        near = (image @ clip.text(SENTENCES).T)[0]
    best = int(near.argmax())
    if best != 0:
        return State.WRONG, f"It takes the astronaut for {SENTENCES[best]!r}: it is not trained."
    return State.RIGHT, (
        f"It has OpenAI's features, and finds the astronaut among {len(SENTENCES)} sentences."
    )


@torch.inference_mode()
def clip_features(clip: Clip) -> ClipFeatures:
    """What `GOLDEN` has, of a network."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda module, inputs, output: seen.update({name: output.float().cpu()})

    network, device = clip.network, clip.mean.device
    hooks = [
        network.ln_final.register_forward_hook(keep("text")),
        network.visual.ln_post.register_forward_hook(keep("picture")),
    ]
    try:
        network.encode_text(tokenize([GOLDEN_TEXT]).to(device))
        network.encode_image(torch.full((1, 3, clip.side, clip.side), 0.5, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    end = len(GOLDEN_TEXT.split()) + 1  # each of its words is one token, after the start
    text = seen["text"][0, :, 1:4]
    return ClipFeatures(text[1:4], text[end], seen["picture"][0, 1:4])


def feature_error(found: ClipFeatures, golden: ClipFeatures) -> float:
    """The largest difference of both."""
    pairs = (
        (found.tokens, golden.tokens),
        (found.end, golden.end),
        (found.picture, golden.picture),
    )
    return max(float((a - b).abs().max()) for a, b in pairs)


def judge_mapper(
    name: str,
    mapper: LevelsMapper,
    content: Mapping[str, Any],
    known: Witnesses,
    clip: Clip | None = None,
) -> Outcome:
    """A mapper: its levels, the size of its step, and that it moves what it is named for.

    The faces are the embedded generator's, which has StyleGAN2's W; mild steps in W+ show on it.
    """
    own = name.removeprefix(PREFIX)
    if wrong := _wrong_levels(own, content):
        return State.WRONG, wrong
    w = known.latents(FACES, seed=3)
    ws = w[:, None].repeat(1, 18, 1)
    with torch.inference_mode():
        step = STRENGTH * mapper(ws)
    size = float(step.square().sum(2).mean().sqrt() / known.w_statistics[1].norm())
    if not LEAST_STEP <= size <= MOST_STEP:
        return State.WRONG, (
            f"Its step is {size:.3g} standard deviations of w: nothing, or far beyond faces."
        )
    before, after = known.faces(ws), known.faces(ws + step)
    if clip is not None:
        return _by_clip(own, clip, before, after)
    if own not in MEASURES:
        return State.UNPROVEN, "Its levels and step are sound; what it does takes CLIP to see."
    what, usual, measure = MEASURES[own]
    change = float(
        np.mean([measure(known, b) - measure(known, a) for a, b in zip(before, after, strict=True)])
    )
    if change <= 0:
        return State.WRONG, f"It does not do what it is named for: {what} changes by {change:+.3g}."
    if change < DOUBTFUL * usual:
        return State.UNPROVEN, f"It does little: {what} changes by {change:+.3g}."
    return State.RIGHT, f"{what[:1].upper()}{what[1:]} changes by {change:+.3g}, as it should."


def _wrong_levels(name: str, content: Mapping[str, Any]) -> str:
    """A sentence where the levels are not those that were published; "" where they are."""
    options = options_of(content)
    fine = not options.get(ABSENT["fine_mapping"], False)
    lower = not any(options.get(ABSENT[g], False) for g in ("course_mapping", "medium_mapping"))
    wanted = name not in WITHOUT_FINE
    if lower and fine == wanted:
        return ""
    have = [
        group
        for group, key in zip(("coarse", "medium", "fine"), ABSENT.values(), strict=True)
        if not options.get(key, False)
    ]
    published = "all three" if wanted else "coarse and medium"
    return f"It moves the {' and '.join(have) or 'no'} levels; the published one moves {published}."


def _by_clip(name: str, clip: Clip, before: Tensor, after: Tensor) -> Outcome:
    """Whether the pictures come nearer to the mapper's phrase."""
    phrase = f"a face with {MAPPERS[name].label}" if "hair" in name else MAPPERS[name].label
    with torch.inference_mode():
        text = clip.text([phrase])
        nearer = [clip.image(x.to(clip.mean.device)) @ text.T for x in (before, after)]
    gain = float((nearer[1] - nearer[0]).mean())
    if gain <= 0:
        return State.WRONG, f"CLIP sees its faces farther from {phrase!r} ({gain:+.3f})."
    return State.RIGHT, f"CLIP sees its faces nearer to {phrase!r} ({gain:+.3f})."


def _image(picture: Tensor) -> Image.Image:
    return shown(picture[None])


def _hair(known: Witnesses, picture: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The share (S, S) of hair, and the picture (S, S, 3) in 0..255 beside it."""
    with torch.inference_mode():
        masks = Parsing.of(known.parser(picture[None])[0].float().numpy())
    return masks.group("hair"), np.asarray(_image(picture), dtype=np.float32)


def _purple(known: Witnesses, picture: Tensor) -> float:
    """How much red and blue exceed green in the hair, in levels of 255."""
    hair, image = _hair(known, picture)
    colour = (image * hair[..., None]).sum((0, 1)) / max(float(hair.sum()), 1.0)
    return float((colour[0] + colour[2]) / 2 - colour[1])


def _hair_area(known: Witnesses, picture: Tensor) -> float:
    return float(_hair(known, picture)[0].mean())


def _attribute(*signs: tuple[str, float]) -> Callable[[Witnesses, Tensor], float]:
    def measure(known: Witnesses, picture: Tensor) -> float:
        found = known.meter.measure(_image(picture), [name for name, _ in signs])
        return sum(sign * found[name] for name, sign in signs)

    return measure


_female, _male = _attribute(("gender", 1.0)), _attribute(("gender", -1.0))
#: Mapper to what is measured, the size of a plain effect, and the measure (larger is more).
MEASURES: Mapping[str, tuple[str, float, Callable[[Witnesses, Tensor], float]]] = {
    "purple_hair": ("purple in the hair, in levels of 255,", 10.0, _purple),
    "afro": ("the area of hair", 0.05, _hair_area),
    "surprised": (
        "the opening of mouth and eyes",
        0.1,
        _attribute(("mouth_open", 1.0), ("eyes_open", 1.0)),
    ),
    "angry": ("the smile, turned down,", 0.2, _attribute(("smile", -1.0))),
    **dict.fromkeys(
        ("beyonce", "hilary_clinton", "taylor_swift"), ("the female share", 0.1, _female)
    ),
    **dict.fromkeys(("depp", "trump", "zuckerberg"), ("the male share", 0.1, _male)),
}
