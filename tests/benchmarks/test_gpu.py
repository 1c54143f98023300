"""The GPU's benchmark, whole but at reduced size, on the CPU; no figure of it is of a GPU."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from benchmarks import gpu_measures as measures
from pti_core.networks.devices import Card


@pytest.mark.slow
def test_all_of_it_at_reduced_size(tmp_path: Path, capsys) -> None:
    assert gpu.main(["--reduced", "--device", "cpu", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "report.json").read_text())
    for name in ("embedded", "stylegan2"):
        own = found[name]
        assert own["precision"]["cpu_agreement"]["largest"] < 1e-4
        assert own["precision"]["finite"] and own["precision"]["picture_dtype"] == "torch.float32"
        assert 0 < own["precision"]["half"]["mean"] < 0.2 or name == "stylegan2"
        assert own["precision"]["options"]["dtype"] == "torch.bfloat16"
        for preset in ("fast", "paper"):
            assert own[preset]["steps_by_stage"] == {"invert": 4, "tune": 4}
            assert own[preset]["seconds"] > 0 and not own[preset]["stopped_by_budget"]
        assert own["edits"]["edit_ms"] > 0
    text = (tmp_path / "report.md").read_text()
    assert text in capsys.readouterr().out and "| target | 4 | 60 | 50 |" in text
    assert "Reduced sizes" in text


@pytest.mark.slow
def test_the_budget_ends_a_personalisation() -> None:
    bench = measures.Bench(torch.device("cpu"), True, time.monotonic() - 100, budget=99)
    assert bench.left() < 0
    models = measures.make_models(bench, measures.small_mobile())
    _, report = measures.personalised(bench, models, measures.presets(True)[0])
    assert report["stopped_by_budget"] and report["steps_by_stage"]["invert"] < 4


def test_without_a_gpu_it_says_so(capsys) -> None:
    assert gpu.main(["--device", "cpu"]) == 2
    assert "There is no GPU here" in capsys.readouterr().err


@pytest.mark.slow
def test_the_deterministic_generator_is_the_same_everywhere() -> None:
    a, b = (measures.deterministic_stylegan2(measures.SMALL) for _ in range(2))
    w = a.sample_w(1, seed=3)
    assert torch.equal(a.render(w, exact=True), b.render(w, exact=True))
    assert a.resolution == 64 and float(a.render(w, exact=True).std()) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("memory", [6 * 10**9, 80 * 10**9])
def test_what_a_card_is_asked_for_runs_and_keeps_its_types(memory: int) -> None:
    """bfloat16 maps and recomputed blocks: weights, gradients and pictures stay float32."""
    generator = measures.deterministic_stylegan2((16, 16, 16, 16, 16, 8))  # 128: past HALF_FROM
    generator.options = generator.options_for(Card(memory, bf16=True))
    assert generator.options["checkpoint"] == (memory < 8 * 10**9)
    w = generator.sample_w(1, seed=0).requires_grad_(True)
    name = "b128.conv1.weight"
    weight = dict(generator.synthesis.named_parameters())[name].clone().requires_grad_(True)
    maps = generator.stem(w, 128, {name: weight}).maps
    assert maps.dtype == torch.bfloat16
    picture = generator.render(w, {name: weight})
    picture.square().mean().backward()
    assert picture.dtype == weight.grad.dtype == w.grad.dtype == torch.float32
    assert weight.grad.isfinite().all() and weight.grad.any()
