"""python -m scripts.learn_hair: a network that finds hair, from generated faces alone.

A face is rendered as it is, and with steps to blond and dark, grey and not grey hair in the layers
that paint but do not shape: what becomes lighter and darker by them, as skin does not, is hair. A
small network (`pti_core.editing.hair_finder`) learns to say so from the face alone, over many faces
whose single answers are rough. Then it learns once more, from its own answers, with half of the
hair painted in any light and tint (a student and its noise, Xie et al. 2020): white hair, which
changes little, was missed before. Writes `pti_core/data/hair.safetensors`; fifty minutes on two
cores. What was made is kept in `--work`, so it goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import logging
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from checkpoints.factory import load_edit_kit
from pti_core.editing.hair_finder import DATA, SIDE, HairFinder, load_hair_finder
from pti_core.faces.regions import CHEEKS, Region, luminance, mean_in, resized, rising, zone
from pti_core.models import EditKit
from pti_core.networks.lpips import area
from service.malloc_tuning import tune_malloc

#: From which layer on hair is coloured: before, its shape would change as well.
PAINTING_FROM = 4
#: A direction, the end of its range, and whether hair is lighter there. White hair cannot become
#: lighter by blond, but darker by less grey.
_PAINTED = (
    *(("hair_blond", 1, 1), ("hair_dark", 1, -1)),
    *(("hair_grey", 1, 1), ("hair_grey", -1, -1)),
)
#: Directions that faces are varied by, each in three of ten, so that rare looks are seen as well.
VARIED = (
    *("age", "gender", "smile", "mouth_open", "pose", "pitch", "glasses", "beard", "skin_tone"),
    *("hair_dark", "hair_blond", "hair_red", "hair_grey", "hair_length", "fringe", "hair_curly"),
    *("light_side", "background", "background_warm", "exposure", "warmth", "colourful"),
)
#: By how much more than skin's the logarithm of hair's light changes, and over what it is unsure.
#: Read off sixteen faces.
CHANGES, UNSURE = 0.25, 0.08
#: Eyes, teeth and frames change, too, but are not hair.
_FACE: Region = (0.5, 0.6, 0.17, 0.22)
#: Added to light before its logarithm is taken: black does not count.
_DARKEST = 0.08
#: How sure the first network has to be, from none to full weight: of scalps it is hardly half sure.
_TAUGHT = (0.4, 0.65)
BATCH = 16
RATE = 3e-3
#: Faces rendered to one file.
_AT_ONCE = 100

_log = logging.getLogger("learn_hair")


def code(kit: EditKit, seed: int) -> Tensor:
    """A random face's w (1, w_dim), varied."""
    random = torch.Generator().manual_seed(seed)

    def chance() -> float:
        return float(torch.rand((), generator=random))

    generator, directions = kit.generator, kit.directions
    w = generator.sample_w(1, seed)
    w = generator.w_mean + (0.55 + 0.45 * chance()) * (w - generator.w_mean)
    for name in VARIED:
        if chance() < 0.3:
            low, high = directions[name].low, directions[name].high
            w = w + directions[name].step(0.8 * (low + chance() * (high - low))).to(w)
    if chance() < 0.15:
        w = w + directions["bald"].step(chance() * directions["bald"].high).to(w)
    return w


@torch.inference_mode()
def rendered(kit: EditKit, seed: int) -> tuple[Tensor, Tensor]:
    """A face (1, 3, SIDE, SIDE), uint8, and how much lighter it is with light hair than with dark:
    (1, 1, SIDE, SIDE), float16, the logarithms of the ratios."""
    w = code(kit, seed)
    ws = w[:, None].repeat(1, kit.generator.num_ws, 1)
    face = area(kit.generator.render(ws).float(), SIDE).clamp(-1, 1)
    found = torch.zeros(1, 1, SIDE, SIDE)
    for name, sense, weight in _PAINTED:
        direction, painted = kit.directions[name], ws.clone()
        painted[:, PAINTING_FROM:] += direction.step(sense * direction.high).to(w)
        picture = area(kit.generator.render(painted).float(), SIDE).clamp(-1, 1)
        found += weight * ((luminance(picture) + 1) / 2 + _DARKEST).log()
    return ((face + 1) * 127.5).round().byte(), found.half()


def faces(kit: EditKit, count: int, seed: int, work: Path) -> tuple[Tensor, Tensor]:
    """Faces (N, 3, SIDE, SIDE), uint8, and where they have hair (N, 1, SIDE / 2, SIDE / 2)."""
    work.mkdir(parents=True, exist_ok=True)
    pictures, lighter = [], []
    for first in range(seed, seed + count, _AT_ONCE):
        kept = work / f"{first}.safetensors"
        if not kept.exists():
            pairs = [rendered(kit, first + number) for number in range(_AT_ONCE)]
            seen, by = (torch.cat(part) for part in zip(*pairs, strict=True))
            save_file({"faces": seen, "by": by}, kept.with_suffix(".part"))
            kept.with_suffix(".part").rename(kept)
        found = load_file(kept)
        pictures.append(found["faces"])
        lighter.append(found["by"].float())
        _log.info("faces: %d of %d", first + _AT_ONCE - seed, count)
    return torch.cat(pictures)[:count], hair(torch.cat(lighter))[:count]


def hair(lighter: Tensor) -> Tensor:
    """How surely there is hair, of half the side, from what changed (N, 1, S, S)."""
    cheeks = sum(zone(lighter, cheek) for cheek in CHEEKS)
    skin = torch.stack([mean_in(one[None], cheeks) for one in lighter])[..., None, None]
    sure = torch.sigmoid((lighter - skin - CHANGES) / UNSURE) * (1 - zone(lighter, _FACE))
    return area(sure, SIDE // 2)


def changed(
    faces: Tensor, hair: Tensor, random: torch.Generator, dye: bool
) -> tuple[Tensor, Tensor]:
    """Pairs moved, mirrored, and in other colours, as photographs and cosplayers are.

    dye: half of the hair is painted first.
    """
    count = len(faces)
    between = partial(_between, random, count)
    turn, size = between(-0.12, 0.12), between(0.85, 1.15)
    mirror = between(-1, 1).sign()
    cosine, sine = size * turn.cos(), size * turn.sin()
    rows = [
        torch.stack([mirror * cosine, -sine, between(-0.1, 0.1)], 1),
        torch.stack([mirror * sine, cosine, between(-0.1, 0.1)], 1),
    ]
    theta = torch.stack(rows, 1)

    def moved(x: Tensor) -> Tensor:
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)

    light = faces.float() / 255
    if dye:
        light = dyed(light, hair, random)
    light = (light + 1e-3) ** between(0.6, 1.7, 1, 1, 1)
    light = light * between(0.75, 1.15, 3, 1, 1)
    grey = luminance(light)
    light = grey + (light - grey) * between(0.0, 1.6, 1, 1, 1)
    hue = torch.randint(6, (count,), generator=random)  # one of six has its colours exchanged
    order = torch.tensor([[0, 1, 2]] * 5 + [[2, 0, 1]])[hue]
    light = light.gather(1, order[:, :, None, None].expand_as(light))
    noise = torch.randn(light.shape, generator=random) * between(0, 0.03, 1, 1, 1)
    return moved((light + noise).clamp(0, 1) * 2 - 1), moved(hair)


def dyed(light: Tensor, hair: Tensor, random: torch.Generator) -> Tensor:
    """Faces (N, 3, S, S) in [0, 1], every other one with hair of another light and tint."""

    between = partial(_between, random, len(light))
    where = resized(hair, light.shape[-1])
    where = where * (between(0, 1, 1, 1, 1) < 0.5)
    grey = luminance(light)
    about = (grey * where).sum((2, 3), keepdim=True) / where.sum((2, 3), keepdim=True).add(1e-6)
    level, contrast = between(0.05, 0.95, 1, 1, 1), between(0.5, 1.8, 1, 1, 1)
    tint = 1 + between(0, 0.5, 1, 1, 1) * between(-1, 1, 3, 1, 1)  # white and grey are in it
    paint = (level + contrast * (grey - about)) * tint
    return (light + where * (paint - light)).clamp(0, 1)


def _between(random: torch.Generator, count: int, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(count, *shape, generator=random)


@torch.inference_mode()
def taught(finder: HairFinder, pictures: Tensor) -> Tensor:
    """What a network says of faces, as answers to learn from."""
    logits = torch.cat([finder(some.float() / 127.5 - 1) for some in pictures.split(BATCH)])
    return rising(torch.sigmoid(logits), *_TAUGHT)


def train(
    finder: HairFinder, pictures: Tensor, wanted: Tensor, steps: int, seed: int, dye: bool = False
) -> None:
    """Binary cross-entropy, AdamW with one cycle of the rate."""
    random = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(finder.parameters(), RATE, weight_decay=1e-3)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    finder.train()
    mean = 0.0
    for step in range(steps):
        chosen = torch.randint(len(pictures), (BATCH,), generator=random)
        seen, truth = changed(pictures[chosen], wanted[chosen], random, dye)
        loss = F.binary_cross_entropy_with_logits(finder(seen), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        mean += (float(loss.detach()) - mean) / min(step + 1, 100)
        if step % 100 == 99:
            _log.info("step %d of %d: loss %.3f", step + 1, steps, mean)
    finder.eval()


@torch.inference_mode()
def agreement(finder: HairFinder, pictures: Tensor, wanted: Tensor) -> float:
    """Intersection over union with faces' own answers, over all of them."""
    both = either = 0.0
    for picture, truth in zip(pictures.split(1), wanted.split(1), strict=True):
        found = finder.find(picture.float() / 127.5 - 1) > 0.5
        both += float((found & (truth > 0.5)).sum())
        either += float((found | (truth > 0.5)).sum())
    return both / either


def save(finder: HairFinder, made: str, path: Path) -> None:
    """Write it, in half precision."""
    state = finder.state_dict().items()
    kept = {name: x.half() if x.is_floating_point() else x for name, x in state}
    save_file(kept, path, {"made": made})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.learn_hair", description=__doc__)
    parser.add_argument("--faces", type=int, default=1200)
    parser.add_argument("--held-out", type=int, default=100, help="faces to measure on")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=40_000)
    parser.add_argument("--work", type=Path, default=Path(".cache/hair"))
    parser.add_argument("--out", type=Path, default=DATA)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tune_malloc()
    torch.manual_seed(arguments.seed)
    total = arguments.faces + arguments.held_out
    pictures, wanted = faces(load_edit_kit("mobile"), total, arguments.seed, arguments.work)
    count, first = arguments.faces, arguments.work / "first.safetensors"
    made = f"scripts.learn_hair --faces {count} --steps {arguments.steps} --seed {arguments.seed}"
    if not first.exists():
        finder = HairFinder()
        train(finder, pictures[:count], wanted[:count], arguments.steps, arguments.seed)
        save(finder, made, first)
    finder = load_hair_finder(first)
    answers = taught(finder, pictures)
    finder.requires_grad_(True)
    steps = arguments.steps * 2 // 3
    train(finder, pictures[:count], answers[:count], steps, arguments.seed + 1, dye=True)
    save(finder, made, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB; intersection over union")
    share = agreement(finder, pictures[count:], wanted[count:])
    print(f"on {arguments.held_out} other faces: {share:.2f}")


if __name__ == "__main__":
    main()
