"""python -m scripts.learn: what projection knows of the embedded generator, from generated faces.

Writes `pti_core/data/learned.safetensors` (`pti_core.inversion.latent_prior`); ten minutes on two
slow cores. Then measures on faces of other seeds what it is good for.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from checkpoints.network_loaders import load_generator, load_perceptual
from pti_core.generators.base import Generator
from pti_core.generators.ganspace_sefa import principal_axes
from pti_core.inversion.latent_prior import DATA, LatentPrior, save_latent_prior
from pti_core.inversion.low_res import SIDE, LowResRenderer, Ridge, columns, mid_activations
from pti_core.networks.lpips import LPIPS, area
from service.malloc_tuning import tune_malloc

#: Axes by curvature to this power: 0 leaves every coordinate the spread of W's; a half would make
#: every direction equally curved, and leave the likely faces. Tried: `benchmarks/notes.md`.
POWER = 0.15
#: Curvatures under this share of the largest are all taken as this: gradients say nothing of them.
LEAST_CURVATURE = 1e-4
#: Weight of the squared error beside LPIPS: that of the `fast` preset's projection.
LAMBDA_L2 = 2.0

_log = logging.getLogger("learn")


@torch.no_grad()
def learn_head(generator: Generator, faces: int, seed: int) -> Tensor:
    """The head (12, C) of random faces' pictures, regressed around their means."""
    found = Ridge()
    for number in range(faces):
        maps, pixels = columns(*mid_activations(generator, generator.sample_w(1, seed + number)))
        ones = torch.ones_like(maps[:1])  # takes what does not change
        found.add(torch.cat([maps, ones]), pixels)
    return found.head()[:, :-1].contiguous()


def learn_axes(generator: Generator, lpips: LPIPS, head: Tensor, samples: int, seed: int) -> Tensor:
    """Coordinates (rows of steps in W) along the eigenvectors of the loss' mean curvature.

    The curvature is taken as the second moment of the loss' gradients (Gauss-Newton, over pairs of
    faces), in coordinates of W's principal axes over their spreads; each gradient counts as much,
    however far its faces are apart. A projection is on its way from the mean to a face: so are the
    codes at which gradients are taken.
    """
    rows = principal_axes(generator).to(generator.w_avg)
    coarse = LowResRenderer(generator, head)
    moment = torch.zeros(generator.w_dim, generator.w_dim, dtype=torch.float64)
    random = torch.Generator().manual_seed(seed)
    for number in range(samples):
        one, other = generator.sample_w(2, seed + number).split(1)
        at = generator.w_avg + torch.rand(1, generator=random).to(one) * (one - generator.w_avg)
        with torch.no_grad():
            target = area(generator.render(other).float(), SIDE)
            wanted = lpips.features(target)
        coarse.correct(at)
        step = torch.zeros(1, generator.w_dim, device=at.device, requires_grad=True)
        seen = coarse.picture(at + step @ rows)
        loss = lpips.compare(lpips.features(seen), wanted).sum()
        loss = loss + LAMBDA_L2 * F.mse_loss(seen, target)
        (gradient,) = torch.autograd.grad(loss, step)
        gradient = (gradient / loss.detach()).double().cpu()
        moment += gradient.T @ gradient / samples
        if number % 50 == 0:
            _log.info("curvature: %d of %d", number, samples)
    values, vectors = torch.linalg.eigh(moment)
    values, vectors = values.flip(0), vectors.flip(1)
    scales = (values / values[0]).clamp(min=LEAST_CURVATURE) ** -POWER
    return (scales[:, None] * vectors.T).float() @ rows.cpu() / scales[:50].mean()


@torch.no_grad()
def head_error(generator: Generator, head: Tensor, seed: int, count: int = 16) -> float:
    """Mean squared error of a corrected head's pictures of latents halfway to another face."""
    coarse, total = LowResRenderer(generator, head), 0.0
    for number in range(count):
        one, other = generator.sample_w(2, seed + number).split(1)
        coarse.correct(one)
        near = one + 0.5 * (other - one)
        true = area(generator.render(near).float(), SIDE)
        total += float(F.mse_loss(coarse.picture(near), true)) / count
    return total


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.learn", description=__doc__)
    parser.add_argument("--faces", type=int, default=120, help="that the head is fitted to")
    parser.add_argument("--samples", type=int, default=400, help="gradients of the curvature")
    parser.add_argument("--seed", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=DATA)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tune_malloc()
    generator = load_generator("mobile").place(torch.device("cpu"))
    lpips = load_perceptual()
    head = learn_head(generator, arguments.faces, arguments.seed)
    axes = learn_axes(generator, lpips, head, arguments.samples, arguments.seed + 1_000_000)
    made = {
        "made": f"scripts.learn --faces {arguments.faces} --samples {arguments.samples} "
        f"--seed {arguments.seed}",
        "power": str(POWER),
    }
    save_latent_prior(LatentPrior(axes, head), generator, made, arguments.out)
    error = head_error(generator, head, arguments.seed + 2_000_000)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB; the corrected head's")
    print(f"squared error halfway from a face to another: {error:.4f}")


if __name__ == "__main__":
    main()
