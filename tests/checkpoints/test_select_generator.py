"""Which generator is used, and that whatever goes wrong with StyleGAN2 leaves the embedded one."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from checkpoints.fetch import Store
from checkpoints.network_loaders import load_edit_models
from checkpoints.select_generator import choose_generator, pick_generator
from pti_core.errors import CheckpointError, UserError
from pti_core.generators import stylegan2
from pti_core.generators.base import Generator
from pti_core.generators.stylegan2 import StyleGAN2
from pti_core.networks.devices import Card
from tests.checkpoints.sources.test_hub import Hub
from tests.helpers.layouts import NvidiaWriter, as_nvidia, rosinality_state, write_rosinality

REPOSITORY = Path(__file__).parents[2]
PUBLISHED, NVIDIA = "stylegan2-ffhq-config-f.pt", "ffhq.pkl"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, with the embedded generator in it, and a fresh cache."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for part in ("mapping.xml", "mapping.bin", "synthesis.xml", "synthesis.bin"):
        path = Store.from_environment().fetch(f"mobile-{part}")
        (folder / path.name).symlink_to(path)
    monkeypatch.setenv("PTI_CHECKPOINTS", str(folder))
    monkeypatch.setenv("PTI_CACHE", str(tmp_path / "cache"))
    return folder


def fallback(wanted: str = "stylegan2", on_gpu: bool = False) -> str:
    """The sentence with which the embedded generator stands in."""
    choice = pick_generator(wanted, on_gpu)
    assert choice.name == "mobile" and choice.generator.resolution == 1024
    assert choice.why.startswith("The embedded generator runs in place of StyleGAN2")
    assert choice.why.endswith(".") and "\n" not in choice.why
    return choice.why


def small_network(path: Path) -> Path:
    return write_rosinality(path, rosinality_state(), latent_avg=torch.zeros(16))


@pytest.mark.slow
def test_auto_is_stylegan2_on_a_gpu_alone(folder):
    small_network(folder / PUBLISHED)
    choice = pick_generator("auto", on_gpu=True)
    assert choice.name == "stylegan2-ffhq" and isinstance(choice.generator, StyleGAN2)
    assert "StyleGAN2" in choice.why and "GPU" in choice.why
    choice = choose_generator("auto", "cpu")
    assert choice.name == "mobile" and "no GPU" in choice.why


@pytest.mark.slow
def test_both_are_had_for_the_asking(folder):
    small_network(folder / PUBLISHED)
    assert choose_generator("stylegan2", "cpu").name == "stylegan2-ffhq"
    choice = choose_generator("mobile", "cpu")
    assert choice.name == "mobile" and "as asked" in choice.why
    with pytest.raises(UserError, match="auto, stylegan2, mobile"):
        choose_generator("stylegan3")


def test_nvidias_file_serves_where_it_alone_is_here(folder, monkeypatch):
    NvidiaWriter(monkeypatch).write(folder / NVIDIA, as_nvidia(rosinality_state()))
    assert choose_generator("stylegan2", "cpu").name == "stylegan2-ffhq-nvidia"


@pytest.mark.slow
@pytest.mark.parametrize("on_gpu", [False, True])
def test_a_file_of_another_kind(folder, on_gpu):
    (folder / PUBLISHED).write_bytes(b"<html>Sign in to download</html>")
    assert PUBLISHED in fallback("auto" if on_gpu else "stylegan2-ffhq", on_gpu)


def test_a_hostile_file(folder, tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    (folder / NVIDIA).write_bytes(pickle.dumps({"G_ema": Hostile()}))
    assert NVIDIA in fallback("stylegan2-ffhq-nvidia")
    assert not (tmp_path / "ran").exists()


def test_a_file_that_changed(folder):
    small_network(folder / PUBLISHED)
    assert choose_generator("stylegan2", "cpu").name == "stylegan2-ffhq"
    write_rosinality(folder / PUBLISHED, rosinality_state(), latent_avg=torch.ones(16))
    assert "first used here" in fallback("stylegan2-ffhq")


def test_a_cache_that_cannot_be_written(folder, tmp_path):
    small_network(folder / PUBLISHED)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "converted").write_text("in the way")
    assert "cannot be written" in fallback("stylegan2-ffhq")


@pytest.mark.slow
def test_a_session_gets_the_generator_that_it_names(folder):
    small_network(folder / PUBLISHED)
    assert load_edit_models("stylegan2-ffhq").generator.name == "stylegan2-ffhq"
    assert load_edit_models("mobile").generator.name == "mobile"
    with pytest.raises(CheckpointError, match="no generator named 'stylegan9'"):
        load_edit_models("stylegan9")


# What a card is asked to do; no card is needed to decide it.


def test_precision_and_checkpoints_by_device(folder, generator: Generator, monkeypatch):
    small_network(folder / PUBLISHED)
    monkeypatch.setattr(stylegan2, "multiplies_bf16", lambda: False)
    network = choose_generator("stylegan2", "cpu").generator
    assert network.options == {} == network.options_for(None)
    monkeypatch.setattr(stylegan2, "multiplies_bf16", lambda: True)
    assert choose_generator("stylegan2", "cpu").generator.options == {"dtype": torch.bfloat16}
    small, large = Card(6 * 10**9, bf16=True), Card(24 * 10**9, bf16=False)
    assert network.options_for(small) == {"dtype": torch.bfloat16, "checkpoint": True}
    assert network.options_for(large) == {"dtype": torch.float32, "checkpoint": False}
    assert generator.options_for(small) == {} == generator.options_for(None)


def test_options_reach_the_network_unless_the_picture_is_kept(folder):
    small_network(folder / PUBLISHED)
    network = choose_generator("stylegan2", "cpu").generator
    w = network.sample_w(1, seed=1)
    exact = network.render(w)
    network.options = network.options_for(Card(6 * 10**9, bf16=True))
    assert torch.equal(network.render(w, exact=True), exact)
    weights = {"b4.conv1.bias": network.synthesis.b4.conv1.bias.clone().requires_grad_(True)}
    network.render(w, weights).sum().backward()
    assert weights["b4.conv1.bias"].grad is not None


# The Hub itself, in a process of its own: its client reads its settings when it is imported.

CHILD = """
import json, sys, urllib.request
from checkpoints.select_generator import pick_generator

answers = {}
for behaviour in sys.argv[2:]:
    urllib.request.urlopen(f"{sys.argv[1]}/behave/{behaviour}").read()
    choice = pick_generator("auto", on_gpu=True)
    answers[behaviour] = [choice.name, choice.why]
print(json.dumps(answers))
"""


class ChangingHub(Hub):
    """The tests' Hub, all of whose repositories behave as `/behave/...` said last."""

    def answer(self, with_body: bool) -> None:
        if self.path.startswith("/behave/"):
            self.server.behaviour = self.path.rsplit("/", 1)[1]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.server.behaviour == "mute":
            self.close_connection = True
        else:
            parts = self.path.split("/")
            parts[2] = self.server.behaviour
            self.path = "/".join(parts)
            super().answer(with_body)


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), ChangingHub)
    server.paths, server.behaviour = [], "mute"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask(tmp_path: Path, endpoint: str, *behaviours: str, before: str = "") -> dict[str, list[str]]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    home = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": endpoint}
    command = [sys.executable, "-c", CHILD, endpoint, *behaviours]
    if before:
        command = ["unshare", "-Urm", "sh", "-c", f'{before} && exec "$@"', "sh", *command]
    result = subprocess.run(
        command,
        env={**environment, **home, "PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    return json.loads(result.stdout)


@pytest.mark.slow
def test_the_hub_refuses_or_fails(server, folder, tmp_path):
    sentences = {
        "mute": "could not be fetched (no connection)",
        "gone": "set HF_TOKEN",
        "token": "was refused (HTTP 401): set a valid HF_TOKEN",
        "gated": "accept it on the Hub",
        "nofile": "is no longer there",
        "corrupt": "is not the published stylegan2-ffhq",
    }
    answers = ask(tmp_path, server, *sentences)
    for behaviour, sentence in sentences.items():
        name, why = answers[behaviour]
        assert name == "mobile" and sentence in why, behaviour
        assert why.startswith("The embedded generator runs in place of StyleGAN2")
        assert "\n" not in why and why.endswith(".")


@pytest.mark.slow
def test_the_disk_is_full(server, folder, tmp_path):
    disk = tmp_path / "hf"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=64k tmpfs '{disk}'"
    allowed = subprocess.run(["sh", "-c", f"unshare -Urm {mount}"], capture_output=True)
    if allowed.returncode:
        pytest.skip("needs a small disk of its own, which this system does not let a test mount")
    name, why = ask(tmp_path, server, "fine", before=mount)["fine"]
    assert name == "mobile" and "the disk is full" in why
