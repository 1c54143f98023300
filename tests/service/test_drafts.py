"""A workspace can be edited while its generator is still tuned."""

from __future__ import annotations

import dataclasses
import gc
import threading
import weakref
from pathlib import Path

import pytest
import torch

from pti_core.editing.photo_layers import PhotoLayers
from pti_core.editing.text_edit import StackEntry
from pti_core.models import TuningModels
from pti_core.networks.face_parsing import FaceParser
from pti_core.personalisation import personalise
from pti_core.progress import Step
from pti_core.rendering import is_composited, picture
from pti_core.session.session import Session
from service.executors import InProcess
from service.studio import Studio
from service.workspaces import Workspace
from tests.helpers.small import SHORT

PHOTOGRAPH = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
PRESET = dataclasses.replace(
    SHORT, tuning=dataclasses.replace(SHORT.tuning, steps=20, drafts_at=(0.1, 0.5))
)
#: With drafts before the first weight moves, as `fast` has them.
EARLY = dataclasses.replace(
    PRESET,
    projection=dataclasses.replace(SHORT.projection, steps=4, drafts_at=(0.5,)),
    tuning=dataclasses.replace(PRESET.tuning, drafts_at=(0.0, 0.5)),
)


def face_parser() -> FaceParser:
    torch.manual_seed(0)
    return FaceParser().eval()


class Held:
    """Personalises here, and waits after the first draft."""

    workers = 1

    def __init__(self, models: TuningModels) -> None:
        self.inner = InProcess(lambda name: models)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def personalise(self, order, on_step):
        def waiting(step: Step):
            said = on_step(step)
            if step.draft is not None:
                self.reached.set()
                assert self.go_on.wait(60)
            return said

        return self.inner.personalise(order, waiting)


@pytest.mark.slow
@pytest.mark.parametrize("photographs", [1, 2])
def test_drafts_come_after_their_share_of_the_rounds(models, photographs):
    at, drafts = [], []

    def on_step(step: Step) -> bool:
        if step.draft is not None:
            assert step.stage == "tune"
            at.append(step.index)
            drafts.append(step.draft)
        return True

    session, _ = personalise([PHOTOGRAPH] * photographs, models, PRESET, on_step=on_step)
    assert at == [2 * photographs, 10 * photographs]
    for draft in drafts:
        assert draft.pivots.equal(session.pivots) and draft.crops == session.crops
        assert not torch.equal(picture(draft, models), picture(session, models))
    alone, _ = personalise([PHOTOGRAPH] * photographs, models, PRESET)
    assert torch.equal(picture(alone, models), picture(session, models))


@pytest.mark.slow
@pytest.mark.parametrize("photographs", [1, 2])
def test_pivots_are_drafts_before_a_weight_moves(models, photographs):
    """Of several photographs only those of all: no session has pivots of some."""
    drafts = []

    def on_step(step: Step) -> bool:
        if step.draft is not None:
            drafts.append((step.stage, step.index, step.draft))
        return True

    with_parser = dataclasses.replace(models, parser=face_parser())
    session, _ = personalise([PHOTOGRAPH] * photographs, with_parser, EARLY, on_step=on_step)
    at = [(stage, index) for stage, index, _ in drafts]
    projected = [("invert", 2)] if photographs == 1 else []
    assert at == [*projected, ("tune", 0), ("tune", 10 * photographs)]
    *_, (_, _, untuned), (_, _, tuned) = drafts
    assert untuned.pivots.equal(session.pivots) and untuned.crops == session.crops
    assert not any(tensor.any() for tensor in untuned.delta.tensors.values())
    assert any(tensor.any() for tensor in tuned.delta.tensors.values())
    if projected:
        assert not drafts[0][2].pivots.equal(session.pivots)
    assert is_composited(untuned, with_parser)


def test_what_is_stopped_while_projecting_is_edited_as_a_draft(models):
    """Its edits are composited with the photograph, and no bare renders of somebody else."""
    drafts = []

    def on_step(step: Step) -> bool:
        drafts.extend([step.draft] if step.draft is not None else [])
        return step.stage != "invert" or step.index < 1

    with_parser = dataclasses.replace(models, parser=face_parser())
    session, report = personalise(PHOTOGRAPH, with_parser, EARLY, on_step=on_step)
    assert len(drafts) == 1 and drafts[0].pivots.equal(session.pivots)  # at once, to edit
    assert report["stopped"] == "person" and report["steps_by_stage"]["tune"] == 0
    assert session.delta.tensors
    assert not any(tensor.any() for tensor in session.delta.tensors.values())
    again = Session.open(session.to_bytes(), models.generator)
    assert set(again.delta.tensors) == set(session.delta.tensors)
    bare, _ = personalise(PHOTOGRAPH, models, EARLY, method="w")
    assert not bare.delta.tensors


@pytest.mark.slow
def test_a_draft_is_edited_and_its_edits_go_over_to_the_session(models):
    executor = Held(models)
    studio = Studio(lambda report: models, {"fast": PRESET}, executor=executor)
    workspace = studio.align(PHOTOGRAPH)
    job = studio.personalise(workspace.id)
    assert executor.reached.wait(60)
    draft = workspace.session
    assert draft is not None and draft.delta.tensors and workspace.revision == 1
    plain = studio.picture(workspace.id, {})
    assert studio.picture(workspace.id, {"age": 5}).tobytes() != plain.tobytes()
    assert not workspace.renders.on_demand  # the first draft's previews are wanted
    entry = StackEntry("Older", "attributes", ws=torch.ones(1, 512))
    studio.restack(workspace.id, [entry])
    executor.go_on.set()
    assert job.wait(60) and job.error is None
    session = workspace.session
    assert workspace.revision == 3 and session.stack == [entry]
    assert session.delta is not draft.delta
    assert not workspace.renders.on_demand  # nor does the last one wait for an edit
    assert workspace.report == job.result and session.made["report"]["stopped"] == "steps"


@pytest.mark.slow
def test_drafts_between_the_first_and_the_last_wait_for_an_edit(models):
    models = dataclasses.replace(models, parser=face_parser())
    studio = Studio(lambda report: models, {"fast": EARLY}, executor=InProcess(lambda name: models))
    workspace = studio.align(PHOTOGRAPH)
    seen = []
    taken = Workspace.set_session

    def noted(self, session, report):
        if self.revision:  # not before the first
            seen.append(self.renders.on_demand)
        taken(self, session, report)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "set_session", noted)
        assert studio.personalise(workspace.id).wait(60)
    seen.append(workspace.renders.on_demand)
    assert len(seen) > 2 and not seen[0] and all(seen[1:-1]) and not seen[-1]


@pytest.mark.slow
def test_the_edits_of_another_face_do_not_go_over(models):
    studio = Studio(lambda report: models, {"fast": PRESET})
    workspace = studio.align(PHOTOGRAPH)
    assert studio.personalise(workspace.id).wait(60)
    studio.restack(workspace.id, [StackEntry("Older", "attributes", ws=torch.ones(1, 512))])
    studio.align(PHOTOGRAPH, workspace.id)
    assert studio.personalise(workspace.id).wait(60)
    assert workspace.session.stack == []


@pytest.mark.slow
def test_what_is_the_photographs_stays_and_goes_with_it(models):
    """Edits in words and refining keep what was computed of it; another face does not."""
    models = dataclasses.replace(models, parser=face_parser())
    studio = Studio(lambda report: models, {"fast": PRESET})
    workspace = studio.align(PHOTOGRAPH)
    assert studio.personalise(workspace.id).wait(60)
    studio.picture(workspace.id, {"age": 1.0})
    layers = studio.edit_models(workspace.id).layers

    def made() -> PhotoLayers:
        raise AssertionError("the edit has made them")

    kept = weakref.ref(layers.get(workspace.session.delta, 0, made).maps)
    studio.restack(workspace.id, [])
    assert layers.get(workspace.session.delta, 0, made).maps is kept()
    before = weakref.ref(workspace.session.delta)
    assert studio.refine(workspace.id, {}).wait(60)
    gc.collect()
    assert before() is None  # other weights, the same photograph
    studio.picture(workspace.id, {"age": 1.0})
    assert layers.get(workspace.session.delta, 0, made).maps is kept()
    studio.align(PHOTOGRAPH.with_name("biden.jpg"), workspace.id)
    assert studio.personalise(workspace.id).wait(60)
    gc.collect()
    assert kept() is None
