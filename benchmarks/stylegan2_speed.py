"""Forward + backward of the full-size StyleGAN2: ours against a reference implementation.

    python -m benchmarks.stylegan2_speed --nvidia PATH/TO/stylegan2-ada-pytorch

PATH is a checkout of NVlabs/stylegan2-ada-pytorch, the one reference that runs on a CPU as it
stands. It is not part of this tree, and its code is imported only inside a process of its own; it
imports `requests`, which has to be importable.

Every contestant runs in its own process; steps alternate between them, so that a busy machine
slows all alike. A step makes one picture and takes the gradient of its mean square to ws and to
all weights, as a tuning step does. Seconds are the median over the rounds, wall and CPU time;
memory is the peak resident size of the whole process, Python and torch included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

CONTESTANTS = ("nvidia", "ours", "ours-bf16", "ours-checkpoint")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nvidia", help="checkout of NVlabs/stylegan2-ada-pytorch")
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*", default=CONTESTANTS, help="names of contestants")
    parser.add_argument("--serve", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.resolution, options.threads)
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    names = [n for n in CONTESTANTS if n in options.only and (n != "nvidia" or options.nvidia)]
    processes = {n: start(n, options) for n in names}
    results: dict[str, list[dict[str, float]]] = {n: [] for n in names}
    for number in range(options.rounds + 1):
        for name, process in processes.items():
            answer = ask(process)
            if number:  # the first step warms up
                results[name].append(answer)
    for process in processes.values():
        process.stdin.close()  # type: ignore[union-attr]
        process.wait()
    report({n: summary(r) for n, r in results.items()})


def start(name: str, options: argparse.Namespace) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.stylegan2_speed", "--serve", name]
    command += ["--resolution", str(options.resolution), "--threads", str(options.threads)]
    path = options.nvidia if name == "nvidia" else None
    search = [part for part in (os.getcwd(), path, os.environ.get("PYTHONPATH")) if part]
    # Passive: threads of a contestant that waits for its turn do not spin on the others' cores.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(search),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    return subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def ask(process: subprocess.Popen[str]) -> dict[str, float]:
    assert process.stdin and process.stdout
    print("step", file=process.stdin, flush=True)
    for line in process.stdout:  # the reference may print things of its own
        if line.startswith("{"):
            return json.loads(line)
    raise SystemExit("A contestant ended early; its error is above.")


def summary(steps: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(step[key] for step in steps) for key in steps[0]}


def report(results: dict[str, dict[str, float]]) -> None:
    base = results.get("nvidia")
    print("contestant          wall s    CPU s  peak MB   wall   CPU  memory (of the reference)")
    for name, row in results.items():
        line = f"{name:17}{row['wall']:9.2f}{row['cpu']:9.2f}{row['peak_mb']:9.0f}"
        if base:
            line += "".join(f"{row[k] / base[k]:7.2f}" for k in ("wall", "cpu", "peak_mb"))
        print(line)


def serve(name: str, resolution: int, threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    step = make_step(name, resolution)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        answer = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(answer), flush=True)


def make_step(name: str, resolution: int) -> Callable[[], None]:
    import torch

    num_ws = 2 * (resolution.bit_length() - 2)
    ws = torch.randn(1, num_ws, 512, requires_grad=True)
    network, arguments = make_network(name, resolution)

    def step() -> None:
        network.zero_grad(set_to_none=True)
        network(ws, **arguments).square().mean().backward()

    return step


def make_network(name: str, resolution: int) -> tuple[Any, dict[str, Any]]:
    import torch

    if name == "nvidia":
        from training.networks import SynthesisNetwork

        network = SynthesisNetwork(w_dim=512, img_resolution=resolution, img_channels=3)
        return network.eval(), {"noise_mode": "const"}
    from pti_core.generators.stylegan2 import StyleGAN2Config, Synthesis

    sides = [4 << i for i in range(resolution.bit_length() - 2)]
    network = Synthesis(StyleGAN2Config(tuple(min(32768 // side, 512) for side in sides)))
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            tensor.normal_(mean=1.0 if key.endswith("affine.bias") else 0.0)
    precision = torch.bfloat16 if name == "ours-bf16" else torch.float32
    return network, {"dtype": precision, "checkpoint": name == "ours-checkpoint"}


if __name__ == "__main__":
    main()
