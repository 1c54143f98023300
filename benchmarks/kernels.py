"""python -m benchmarks.kernels: what a step is made of, forward and backward, in one process.

Each part is run in turn, round after round, so that what slows the machine slows all alike; the
least of each is printed, and how the machine is called.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

from benchmarks.personalise import machine
from service.malloc_tuning import tune_malloc


def parts(threads: int) -> dict[str, Callable[[], object]]:
    """Name to what is timed."""
    import torch

    torch.set_num_threads(threads)
    from checkpoints.network_loaders import load_generator, load_perceptual
    from pti_core.networks.lpips import area

    generator, lpips = load_generator("mobile").place(torch.device("cpu")), load_perceptual()
    w = generator.sample_w(1, seed=0)
    free = {
        name: weight.detach().clone().requires_grad_(True)
        for name, weight in generator.synthesis.named_parameters()
    }
    picture = generator.render(w, exact=True).detach()

    def forward(exact: bool) -> None:
        with torch.no_grad():
            generator.render(w, free, exact=exact)

    def backward(exact: bool) -> None:
        generator.render(w, free, exact=exact).square().mean().backward()

    def perceptual(side: int) -> None:
        seen = area(picture, side).requires_grad_(True)
        lpips(seen, seen.detach() * 0.9).sum().backward()

    found: dict[str, Callable[[], object]] = {
        "generator, forward, float32": lambda: forward(True),
        "generator, forward and backward, float32": lambda: backward(True),
    }
    if generator.options:
        found["generator, forward, as tuning has it"] = lambda: forward(False)
        found["generator, forward and backward, as tuning has it"] = lambda: backward(False)
    for side in (128, 256, 512, 1024):
        found[f"LPIPS at {side}, forward and backward"] = partial(perceptual, side)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    tune_malloc()
    timed = parts(arguments.threads)
    best = dict.fromkeys(timed, float("inf"))
    for _ in range(arguments.rounds):
        for name, work in timed.items():
            began = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - began)
    print(f"{machine()}, {arguments.threads} threads\n")
    for name, seconds in best.items():
        print(f"{name:52}{1000 * seconds:8.1f} ms")


if __name__ == "__main__":
    main()
