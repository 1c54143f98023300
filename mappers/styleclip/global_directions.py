"""Global directions (StyleCLIP, section 6): one step in StyleSpace for a text, for every face.

    python -m mappers.global_directions build --generator NAME [--images N] [--out FILE]

For every channel of every style it is measured once what moving it does to CLIP's embedding of the
picture. A text then moves the channels whose effect points the way from a neutral text to it.

A style is what a layer's affine transformation makes of w (StyleSpace, Wu et al. 2021). Adding to a
style is the same as adding to that affine layer's bias, so a step is a set of replaced biases: it
needs nothing of the generator but its parameters, StyleGAN2's and the embedded one's alike. As in
the paper, styles that only make colours of the last maps (tRGB) are left out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mappers.styleclip.clip import Clip
from pti_core.errors import CheckpointError, UserError
from pti_core.generators.base import Generator
from pti_core.session.atomic_write import write_atomically

#: How far a channel is moved to measure it, in its standard deviations (section 6.2: 5).
REACH = 5.0


#: Pictures a channel is measured on. The paper takes 100 for 6048 channels, on GPUs for four hours;
#: the mean over a few already points the same way for channels that do one thing.
IMAGES = 8


#: Samples of w from which a channel's standard deviation is taken.
SAMPLES = 5000


#: Sentences around a text, whose embeddings are averaged (the CLIP paper's prompt ensembling).
TEMPLATES = (
    "a photo of {}.",
    "a close-up photo of {}.",
    "a portrait of {}.",
    "a bright photo of {}.",
    "a cropped photo of {}.",
    "a good photo of {}.",
)


NEUTRAL = "a face"


#: Defaults of the strength and of the threshold (section 6.3, figure 8: alpha 4, beta 0.13).
ALPHA, BETA = 4.0, 0.12


SAVE_EVERY = 60.0  # seconds between two savings: what an interruption may cost


#: (channels done, channels in all) to nothing; raising ends the work, which goes on from there.
OnChannel = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class ChannelRelevance:
    """What moving each channel does to CLIP's embedding.

    effects: bias name inside `synthesis` to (C, D), the mean change of the embedding, unit length;
    NaN where it is not measured yet. spread: bias name to (C,), standard deviations over W.
    images, seed: what it was measured on. fingerprint: the generator's.
    """

    effects: Mapping[str, Tensor]
    spread: Mapping[str, Tensor]
    fingerprint: str
    images: int
    seed: int

    @property
    def channels(self) -> int:
        return sum(len(rows) for rows in self.effects.values())

    @property
    def done(self) -> int:
        return sum(int((~rows.isnan().any(1)).sum()) for rows in self.effects.values())

    def relevance(self, clip: Clip, target: str, neutral: str = NEUTRAL) -> dict[str, Tensor]:
        """Bias name to (C,): cosine of each channel's effect with the texts' difference."""
        wanted = F.normalize(embed(clip, target) - embed(clip, neutral), dim=0).cpu()
        return {name: rows.nan_to_num() @ wanted for name, rows in self.effects.items()}

    def step(
        self, clip: Clip, target: str, neutral: str = NEUTRAL, beta: float = BETA
    ) -> dict[str, Tensor]:
        """The step in StyleSpace of a text at alpha 1: bias name to (C,).

        Channels of less relevance than beta stay; the most relevant one moves by its standard
        deviation. Larger beta: fewer channels, and less that is beside the point.

        Raises:
            UserError: beta leaves no channel.
        """
        found = self.relevance(clip, target, neutral)
        most = max(float(values.abs().max()) for values in found.values())
        if most < max(beta, 1e-6):
            raise UserError(
                f"No channel answers to {target!r} by {beta:g}; the most is {most:.3f}: "
                "use a smaller beta, or say it in other words."
            )
        step = {}
        for name, values in found.items():
            kept = torch.where(values.abs() >= beta, values, 0.0)
            if kept.any():
                step[name] = kept / most * self.spread[name]
        return step

    def moved(self, step: Mapping[str, Tensor]) -> int:
        """How many channels a step moves."""
        return sum(int(values.count_nonzero()) for values in step.values())


def embed(clip: Clip, text: str) -> Tensor:
    """(D,) of length one: the mean over sentences around the text."""
    return F.normalize(clip.text([one.format(text) for one in TEMPLATES]).mean(0), dim=0)


def style_biases(generator: Generator) -> dict[str, Callable[[Tensor], Tensor]]:
    """Biases that make styles, coarse to fine, each with its style as a function of w."""
    found: dict[str, Callable[[Tensor], Tensor]] = {}
    for name, module in generator.synthesis.named_modules():
        if name.endswith("modulation") and not name.startswith("head"):
            found[f"{name}.bias"] = module
        elif hasattr(module, "affine") and not name.endswith("torgb"):
            found[f"{name}.affine.bias"] = module.style
    return found


@torch.no_grad()
def begin(
    generator: Generator, clip: Clip, images: int = IMAGES, seed: int = 0
) -> ChannelRelevance:
    """Nothing measured yet, but every channel's standard deviation."""
    w = generator.sample_w(SAMPLES, seed=0)
    spread = {name: style(w).std(0).cpu() for name, style in style_biases(generator).items()}
    width = clip.text(["a face"]).shape[1]
    effects = {name: torch.full((len(values), width), torch.nan) for name, values in spread.items()}
    return ChannelRelevance(effects, spread, generator.fingerprint, images, seed)


@torch.inference_mode()
def measure(
    generator: Generator, clip: Clip, found: ChannelRelevance, on_channel: OnChannel | None = None
) -> ChannelRelevance:
    """Measure what is not measured yet; `found.effects` is filled in place, channel by channel."""
    w = generator.sample_w(found.images, seed=found.seed + 1)
    own = dict(generator.synthesis.named_parameters())
    done = found.done
    for name, channel in _missing(found):
        reach = torch.zeros_like(own[name])
        reach[channel] = REACH * found.spread[name][channel]
        both = []
        for bias in (own[name] + reach, own[name] - reach):
            pictures = [generator.render(one, {name: bias}) for one in w.split(1)]
            both.append(torch.cat([clip.image(picture) for picture in pictures]))
        change = F.normalize(both[0] - both[1], dim=1).mean(0)
        found.effects[name][channel] = F.normalize(change, dim=0).cpu()
        done += 1
        if on_channel:
            on_channel(done, found.channels)
    return found


def _missing(found: ChannelRelevance) -> Iterator[tuple[str, int]]:
    for name, rows in found.effects.items():
        for channel in rows.isnan().any(1).nonzero().flatten().tolist():
            yield name, channel


# ----------------------------------------------------------------------------------------- the file


def save_relevance(found: ChannelRelevance, path: Path) -> None:
    """Write it, finished or not, in one step."""
    tensors = {f"effects.{name}": rows for name, rows in found.effects.items()}
    tensors |= {f"spread.{name}": values for name, values in found.spread.items()}
    about = {
        "fingerprint": found.fingerprint,
        "images": found.images,
        "seed": found.seed,
        "reach": REACH,
        "channels": found.channels,
        "done": found.done,
        "layers": list(found.effects),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(tensors, {"global_directions": json.dumps(about)}))


def load_relevance(path: Path) -> ChannelRelevance:
    """Raises CheckpointError where the file is missing or is none of these."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["global_directions"])
            layers = [str(name) for name in about["layers"]]
            effects = {name: file.get_tensor(f"effects.{name}") for name in layers}
            spread = {name: file.get_tensor(f"spread.{name}") for name in layers}
        for name in layers:
            if effects[name].ndim != 2 or spread[name].shape != effects[name].shape[:1]:
                raise ValueError(name)
        return ChannelRelevance(
            effects, spread, str(about["fingerprint"]), int(about["images"]), int(about["seed"])
        )
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path.name} holds no global directions: python -m mappers.global_directions build "
            "makes them."
        ) from error


def default_path(generator: str) -> Path:
    """Where the relevance of a generator's channels is kept."""
    from checkpoints.fetch import default_cache

    return default_cache().parent / "global-directions" / f"{generator}.safetensors"


def build(
    generator: Generator,
    clip: Clip,
    path: Path,
    images: int = IMAGES,
    seed: int = 0,
    on_channel: OnChannel | None = None,
) -> ChannelRelevance:
    """Measure all channels into a file; what an earlier run left there is taken up.

    Raises:
        UserError: the file is of another generator or of other settings.
    """
    if path.exists():
        found = load_relevance(path)
        if (found.fingerprint, found.images, found.seed) != (generator.fingerprint, images, seed):
            raise UserError(
                f"{path} was begun with another generator, number of images or seed; "
                "name another file with --out, or remove it."
            )
    else:
        found = begin(generator, clip, images, seed)
    saved = time.monotonic()

    def keep(done: int, total: int) -> None:
        nonlocal saved
        if time.monotonic() - saved >= SAVE_EVERY:
            save_relevance(found, path)
            saved = time.monotonic()
        if on_channel:
            on_channel(done, total)

    try:
        measure(generator, clip, found, keep)
    finally:
        save_relevance(found, path)
    return found
