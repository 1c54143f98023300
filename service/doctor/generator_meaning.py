"""Whether a file under the name of StyleGAN2-FFHQ draws FFHQ's faces, and e4e and ArcFace see them.

What is asked of each, and why random or foreign weights fail it, is said at each test. Thresholds
without a source were set on what is known of the published files and on random weights; the
published files themselves could not be tried where this was written.
"""

from __future__ import annotations

import torch
from PIL import Image, ImageOps
from torch import Tensor

from pti_core.faces.arcface_identity import ArcFaceIdentity
from pti_core.generators.base import Generator
from pti_core.networks.e4e import E4E
from service.doctor.findings import State
from service.doctor.witnesses import TRUNCATION, Witnesses, cosine, shown

Outcome = tuple[State, str]

#: StyleGAN2-FFHQ's own shape.
RESOLUTION, NUM_WS, W_DIM = 1024, 18, 512
#: The embedded generator has the same W: mean w at cosine 0.9998, standard deviations within 1 %.
#: Other trainings' means are unrelated.
LEAST_W_COSINE, MOST_STD_ERROR = 0.99, 0.02
#: Of so many faces at most one may go unfound or be taken for another.
FACES = 3
RETRIEVED, LEAST_RETRIEVED = 6, 4
#: Attribute to direction: what is measured when a slider is moved to this share of its range.
MOVES = {"age": "age", "smile": "smile", "yaw": "pose"}
SHARE = 0.6
#: What a direction may move its measure by, over what it is calibrated to on many faces. Of single
#: faces of the embedded generator age moved by 0.44 of that, pose by 0.61, smile by 1.11.
LEAST_MOVE, MOST_MOVE = 0.15, 4.0


def judge_generator(generator: Generator, known: Witnesses) -> Outcome:
    """A full generator: its W, faces in its pictures, and what the directions do there."""
    if (generator.resolution, generator.num_ws, generator.w_dim) != (RESOLUTION, NUM_WS, W_DIM):
        side = generator.resolution
        return State.WRONG, f"It is a StyleGAN2 of {side} pixels, and FFHQ's has 1024."
    (mean, std), (own_mean, own_std) = known.w_statistics, generator.w_statistics()
    near = min(cosine(mean, own_mean), cosine(mean, generator.w_avg.float().cpu()))
    spread = float((own_std.norm() / std.norm() - 1).abs())
    same_w = near >= LEAST_W_COSINE and spread <= MOST_STD_ERROR
    w = known.latents(FACES, seed=1) if same_w else generator.sample_w(FACES, 1, TRUNCATION)
    pictures = [_picture(generator, one[None]) for one in w]
    faces = sum(known.finder.box(picture) is not None for picture in pictures)
    if not same_w:
        drawn = "draws faces, of another training" if faces else "draws no face: another domain"
        return State.WRONG, (
            f"Its W is not FFHQ's (mean at cosine {near:.2f}), and it {drawn}, or weights that "
            "were not trained."
        )
    if faces < FACES - 1:
        return State.WRONG, (
            f"Its W is FFHQ's, but {FACES - faces} of {FACES} pictures show no face: the synthesis "
            "network is of another training, or not trained."
        )
    moved = _moves(generator, w[:1], known)
    if still := [name for name, move in moved.items() if not LEAST_MOVE <= move <= MOST_MOVE]:
        return State.WRONG, f"Its faces do not follow the directions of {', '.join(still)}."
    how = ", ".join(f"{name} by {move:.1f}" for name, move in moved.items())
    return State.RIGHT, (
        f"W is FFHQ's (cosine {near:.4f}, deviation {100 * spread:.1f} %), {faces} of {FACES} "
        f"pictures show a face, and the directions move one as calibrated ({how} times that)."
    )


@torch.inference_mode()
def _picture(generator: Generator, w: Tensor) -> Image.Image:
    return shown(generator.render(w.to(generator.w_avg), exact=True))


def _moves(generator: Generator, w: Tensor, known: Witnesses) -> dict[str, float]:
    """How far each direction moves its measure between both sides, over what it is calibrated to;
    1 is as on many faces of the embedded generator."""
    moves = {}
    for measure, name in MOVES.items():
        direction = known.directions[name]
        low, high = (
            known.meter.measure(_picture(generator, w + direction.step(SHARE * end)), [measure])
            for end in (direction.low, direction.high)
        )
        wanted = float(direction.made.get("scale", 1.0)) * SHARE * (direction.high - direction.low)
        moves[name] = (high[measure] - low[measure]) / wanted
    return moves


def judge_e4e(encoder: E4E, known: Witnesses) -> Outcome:
    """e4e: its mean is FFHQ's, and the codes of generated faces are nearest to those faces' own w.

    With random weights four or more of six are found once in a hundred and twenty times; the mean
    alone fails those already.
    """
    mean = known.w_statistics[0]
    near = cosine(encoder.latent_avg.mean(0).cpu(), mean)
    if encoder.num_ws != NUM_WS:
        return State.WRONG, f"It gives {encoder.num_ws} codes, and FFHQ's at 1024 needs {NUM_WS}."
    if near < LEAST_W_COSINE:
        return State.WRONG, (
            f"Its mean code is not FFHQ's (cosine {near:.2f}): an encoder of another domain, or "
            "not trained."
        )
    w = known.latents(RETRIEVED, seed=2)
    with torch.inference_mode():
        device = encoder.latent_avg.device
        codes = torch.cat([encoder(known.faces(one[None]).to(device)).cpu() for one in w]).mean(1)
    own, found = (torch.nn.functional.normalize(x - mean) for x in (w, codes))
    right = int((found @ own.T).argmax(1).eq(torch.arange(RETRIEVED)).sum())
    if right < LEAST_RETRIEVED:
        return State.WRONG, (
            f"Of {RETRIEVED} generated faces it finds {right} near their own w: it is not trained."
        )
    return State.RIGHT, (
        f"Its mean code is FFHQ's (cosine {near:.4f}), and {right} of {RETRIEVED} generated faces "
        "are found near their own w."
    )


def judge_arcface(identity: ArcFaceIdentity, known: Witnesses) -> Outcome:
    """ArcFace: a face and its mirror are one person, different examples are not.

    Networks with random weights take all pictures for one person.
    """
    embeddings = {name: identity.embedding(image) for name, image in known.examples.items()}
    mirrored = max(
        identity.distance(embeddings[name], ImageOps.mirror(image))
        for name, image in known.examples.items()
    )
    names = list(embeddings)
    others = min(
        identity.distance(embeddings[a], embeddings[b])
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    )
    said = f"a face and its mirror at {mirrored:.2f}, two people at {others:.2f}"
    if not mirrored < identity.same_person < others:
        return State.WRONG, (
            f"It does not tell people apart ({said}; the border is {identity.same_person:g}): it "
            "is not trained, or for another kind of crop."
        )
    return State.RIGHT, f"It tells the examples apart: {said}."
