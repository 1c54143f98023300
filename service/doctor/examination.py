"""All weight files from elsewhere that are on this machine: hash, layout, shape, then meaning.

What is found wrong is noted (`checkpoints.verdicts`) and not used from then on.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from checkpoints.asset import Asset, PackageFile
from checkpoints.fetch import Store
from checkpoints.identify import Seen, identify, refused_because
from checkpoints.verdicts import forget_verdict, note_verdict, verdict_on
from pti_core.errors import CheckpointError
from service.doctor.findings import Examination, Finding, State
from service.doctor.machine import describe_machine
from service.doctor.witnesses import Witnesses

_log = logging.getLogger(__name__)

#: What the file of each role has to be, as `identify` calls it, and for the sentence.
WANTED = {
    "generator": ("stylegan2", "a StyleGAN2 generator"),
    "encoder": ("e4e", "e4e's encoder"),
    "identity": ("arcface", "ArcFace IR-SE50"),
    "clip": ("clip", "CLIP ViT-B/32"),
    "mapper": ("mapper", "a StyleCLIP mapper"),
}
#: CLIP before the mappers, which it then judges; the generator first, as the rest needs its W.
_ORDER = tuple(WANTED)

Report = Callable[[str], None]


def examine(
    store: Store | None = None, known: Witnesses | None = None, report: Report | None = None
) -> Examination:
    """Look at the machine and at every file; a tested file that did not change is not tested again.

    Args:
        report: told what is looked at.
    """
    store, known = store or Store.from_environment(), known or Witnesses()
    tests = _Tests(store, known)
    findings = []
    for asset in _tested_assets(store):
        if report is not None:
            report(asset.name)
        findings.append(tests.finding(asset))
    return Examination(list(describe_machine(store)), findings)


def has_untested(store: Store | None = None) -> bool:
    """Whether a file lies here that no test has seen as it is now."""
    store = store or Store.from_environment()
    for asset in _tested_assets(store):
        path = store.find_untested(asset.name)
        if path is not None and verdict_on(store.cache, asset.name, path) is None:
            return True
    return False


def files_here(store: Store | None = None) -> frozenset[tuple[str, int, int]]:
    """Path, size and time of change of every file that the doctor tests."""
    store = store or Store.from_environment()
    paths = (store.find_untested(asset.name) for asset in _tested_assets(store))
    stats = ((str(path), path.stat()) for path in paths if path is not None)
    return frozenset((path, status.st_size, status.st_mtime_ns) for path, status in stats)


def forget_verdicts(store: Store) -> None:
    """Test every file anew at the next examination."""
    for asset in _tested_assets(store):
        forget_verdict(store.cache, asset.name)


def report_file(store: Store | None = None) -> Path:
    """Where the latest examination is kept."""
    return (store or Store.from_environment()).cache / "doctor.json"


def _tested_assets(store: Store) -> list[Asset]:
    """Those of the manifest that no package vouches for, in the order of the tests."""
    found = [
        asset
        for asset in store.manifest.values()
        if asset.role in WANTED and not isinstance(asset.source, PackageFile)
    ]
    return sorted(found, key=lambda asset: _ORDER.index(asset.role))


class _Tests:
    def __init__(self, store: Store, known: Witnesses) -> None:
        self.store, self.known = store, known
        self.clip: Any = None

    def finding(self, asset: Asset) -> Finding:
        path = self.store.find_untested(asset.name)
        if path is None:
            return Finding(asset.name, State.ABSENT, "Not on this machine.")
        before = verdict_on(self.store.cache, asset.name, path)
        if before is not None and asset.role != "clip":  # CLIP is wanted for the mappers
            state = State.WRONG
            if before.usable:
                state = State.UNPROVEN if before.sentence.startswith("Unproven") else State.RIGHT
            return Finding(asset.name, state, before.sentence.removeprefix("Unproven: "))
        state, sentence = self._look(asset, path)
        with contextlib.suppress(OSError):
            mark = "Unproven: " if state is State.UNPROVEN else ""
            note_verdict(
                self.store.cache, asset.name, path, state is not State.WRONG, mark + sentence
            )
        return Finding(asset.name, state, sentence)

    def _look(self, asset: Asset, path: Path) -> tuple[State, str]:
        kind, wanted = WANTED[asset.role]
        try:
            seen = identify(path)
            if seen.kind != kind:
                return State.WRONG, refused_because(path, seen, wanted)
            self.store.verify(asset.name)
            with _sentence_for(path):
                return self._meaning(asset, path, seen)
        except CheckpointError as error:
            return State.WRONG, f"{str(error)[:1].upper()}{str(error)[1:].rstrip('.')}."
        except Exception:
            _log.exception("the test of %s failed", asset.name)
            return State.WRONG, f"{path.name} made its test fail, for a reason that the log names."

    def _meaning(self, asset: Asset, path: Path, seen: Seen) -> tuple[State, str]:
        from service.doctor import generator_meaning, text_meaning

        content: Any = seen.content
        if asset.role == "generator":
            from checkpoints.stylegan2 import load_stylegan2
            from pti_core.networks.devices import pick_device

            generator = load_stylegan2(path, self.store.cache / "converted", name=asset.name)
            return generator_meaning.judge_generator(generator.place(pick_device()), self.known)
        if asset.role == "encoder":
            from pti_core.networks.e4e import e4e_from_checkpoint

            return generator_meaning.judge_e4e(e4e_from_checkpoint(content), self.known)
        if asset.role == "identity":
            from pti_core.faces.arcface_identity import ArcFaceIdentity

            return generator_meaning.judge_arcface(ArcFaceIdentity(content), self.known)
        if asset.role == "clip":
            from mappers.styleclip.clip import Clip, read_clip

            clip = Clip(read_clip(path))
            outcome = text_meaning.judge_clip(clip, self.known)
            self.clip = clip if outcome[0] is State.RIGHT else self.clip
            return outcome
        from mappers.styleclip.latent_mapper import mapper_from_checkpoint

        mapper = mapper_from_checkpoint(content)
        return text_meaning.judge_mapper(asset.name, mapper, content, self.known, self.clip)


@contextlib.contextmanager
def _sentence_for(path: Path) -> Iterator[None]:
    """Errors of loading name the file."""
    try:
        yield
    except CheckpointError as error:
        said = str(error)
        raise CheckpointError(said if path.name in said else f"{path.name}: {said}") from error
