"""Quality does not fall: one fixed personalisation against committed values, and proof of it."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks import quality_gate
from benchmarks.quality_gate import HIGHER_IS_BETTER, TOLERANCES, committed, compare
from pti_core.inversion.paper_tuning import TunedDelta


def test_what_was_committed_passes_and_anything_worse_fails():
    values = committed()
    assert values.keys() == TOLERANCES.keys() and compare(values, values) == []
    for name, tolerance in TOLERANCES.items():
        sign = -1 if name in HIGHER_IS_BETTER else 1
        within = {**values, name: values[name] * (1 + sign * (tolerance - 0.01))}
        beyond = {**values, name: values[name] * (1 + sign * (tolerance + 0.01))}
        assert compare(within, values) == []
        assert [trouble.split()[0] for trouble in compare(beyond, values)] == [name]
        assert compare({**values, name: float("nan")}, values)


def test_values_of_other_work_are_not_compared(monkeypatch):
    monkeypatch.setattr(quality_gate, "TUNING_STEPS", quality_gate.TUNING_STEPS + 1)
    with pytest.raises(ValueError, match="other work"):
        committed()


@pytest.mark.slow
def test_quality_has_not_fallen_and_a_fall_would_be_seen():
    from checkpoints.network_loaders import load_tuning_models
    from service.malloc_tuning import tune_malloc

    tune_malloc()
    models = load_tuning_models("mobile")
    session = quality_gate.run(models)
    values = committed()
    troubles = compare(quality_gate.measure(models, session), values)
    assert not troubles, " ".join(troubles)
    # Tuning that does nothing, and tuning that gets half as far.
    names = {}
    for share in (0.0, 0.5):
        weaker = {name: share * value for name, value in session.delta.tensors.items()}
        worse = dataclasses.replace(session, delta=TunedDelta(weaker))
        found = compare(quality_gate.measure(models, worse), values)
        names[share] = {trouble.split()[0] for trouble in found}
    assert {"mse", "lpips", "ms_ssim_distance", "identity_distance"} <= names[0.0]
    assert {"mse", "ms_ssim_distance", "identity_distance"} <= names[0.5]
