"""Fixtures that several tests share: small networks filled with fixed random numbers."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from pti_core.editing.directions import Direction
from pti_core.generators.base import Generator
from pti_core.generators.mobile import Mapping, MobileSynthesis
from pti_core.models import TuningModels
from pti_core.networks.lpips import LPIPS

SIDE = 64


def make_generator(
    seed: int = 0, name: str = "small", channels: int = 32, side: int = SIDE
) -> Generator:
    """A generator of the embedded one's kind; its fingerprint tells the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        mapping, synthesis = Mapping(), MobileSynthesis(channels, side)
        for buffer_name, buffer in synthesis.named_buffers():
            if buffer_name.endswith("noise"):
                buffer.normal_(std=0.1)
    num_ws = 2 * len(synthesis.shapes) + 2
    return Generator(
        name=name,
        mapping=mapping,
        synthesis=synthesis.to(memory_format=torch.channels_last),
        num_ws=num_ws,
        fingerprint=f"{seed:064x}",
    )


def make_lively_generator(**shape: int) -> Generator:
    """The small generator with styles around one, as trained ones have: so its pictures vary."""
    found = make_generator(**shape)
    for name, parameter in found.synthesis.named_parameters():
        if name.endswith("modulation.bias"):
            parameter.fill_(1.0)
    return found


@pytest.fixture(scope="session")
def generator() -> Generator:
    return make_generator()


@pytest.fixture(scope="session")
def lpips() -> LPIPS:
    """The perceptual network's architecture with random weights: a distance, of no meaning."""
    random = torch.Generator().manual_seed(0)
    state = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1)}
    state["scaling_layer.scale"] = torch.full((1, 3, 1, 1), 0.5)
    layers = {
        "slice1.0": (64, 3, 11),
        "slice2.5": (192, 64, 5),
        "slice3.9": (384, 192, 3),
        "slice4.11": (256, 384, 3),
        "slice5.13": (256, 256, 3),
    }
    for i, (name, (c_out, c_in, side)) in enumerate(layers.items()):
        weight = torch.randn(c_out, c_in, side, side, generator=random)
        state[f"net.{name}.weight"] = weight * (2 / (c_in * side * side)) ** 0.5
        state[f"net.{name}.bias"] = torch.zeros(c_out)
        state[f"lin{i}.model.1.weight"] = torch.rand(1, c_out, 1, 1, generator=random) / c_out
    return LPIPS(state)


@pytest.fixture(scope="session")
def directions() -> dict[str, Direction]:
    """Two random directions, `age` and `smile`."""
    random = torch.Generator().manual_seed(1)
    found = {}
    for name, unit, high in (("age", "years", 20.0), ("smile", "levels", 2.0)):
        vector = torch.randn(512, generator=random)
        found[name] = Direction(
            name=name,
            label=name.title(),
            group="face",
            unit=unit,
            vector=vector / vector.norm(),
            curve=((-high, -high / 2), (0.0, 0.0), (high, high / 2)),
        )
    return found


@pytest.fixture(scope="session")
def make_picture() -> Callable[..., Image.Image]:
    """Makes a picture of a given size with colours and edges in it."""

    def make(width: int, height: int) -> Image.Image:
        image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
        draw = ImageDraw.Draw(image)
        draw.ellipse((width // 4, height // 4, width // 2, height // 2), fill=(200, 60, 30))
        return image

    return make


@pytest.fixture(scope="module")
def models(generator, lpips, directions) -> TuningModels:
    """What a personalisation needs, with the real face finder and no measures."""
    from checkpoints.network_loaders import load_face_finder

    return TuningModels(
        generator=generator,
        directions=directions,
        lpips=lpips,
        lpips_report=lpips,
        faces=load_face_finder(),
    )


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a cache of the module's own, and with the files that packages gave at hand."""
    from tests.helpers.hub_files import link_known_files

    folder = tmp_path_factory.mktemp("own")
    (folder / "known").mkdir()
    link_known_files(folder / "known")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PTI_CACHE", str(folder / "cache"))
        patch.setenv("PTI_CHECKPOINTS", str(folder / "known"))
        yield folder


@dataclass
class RunningApp:
    """`python app.py` in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(
        self, path: str, body: object = None, method: str = "POST", **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of the answer to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        kept = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"content-type": "application/json", **kept})
        answer = connection.getresponse()
        return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}


@pytest.fixture
def start_app(tmp_path: Path) -> Iterator[Callable[..., RunningApp]]:
    """Starts `app.py` with the given settings added to the environment; None takes one away."""
    started: list[RunningApp] = []

    def start(*options: str, wrapper: tuple[str, ...] = (), **settings: str | None) -> RunningApp:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "PTI_SESSIONS": str(tmp_path / "shares"), **settings}
        log = tmp_path / f"app-{port}.log"
        command = [*wrapper, sys.executable, "app.py", "--port", str(port), *options]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=Path(__file__).parent.parent,
                env={name: value for name, value in environment.items() if value is not None},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        app = RunningApp(process, port, log)
        started.append(app)
        end = time.monotonic() + 120
        while time.monotonic() < end and process.poll() is None:
            try:
                app.ask("/config", method="GET")
                break
            except OSError:
                time.sleep(0.2)
        return app  # it may have ended: the log says why

    yield start
    for app in started:
        app.process.kill()
        app.process.wait()
