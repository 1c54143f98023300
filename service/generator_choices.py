"""The generators that may be chosen, and the networks that edit sessions of each."""

from __future__ import annotations

import copy
import dataclasses
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pti_core.errors import UserError
from service.lazy_loader import LazyLoader, Report

if TYPE_CHECKING:
    from pti_core.models import EditModels, TuningModels
    from pti_core.session.session import Session


class GeneratorChoices:
    """Networks by the name under which they may be chosen; loaded when first used.

    Args:
        networks: gives the networks of the first choice.
        generator: the name of the first choice.
        others: by name, what gives the networks of the other choices.
        load_other: gives what edits need for a generator of another name, for session files.
        lent: whether a GPU is there only during a personalisation; edits then use the CPU.
        editor: gives what edits need of the first choice, before all its networks are there.

    Attributes:
        networks: those of the first choice.
        names: of all choices, the first one first.
        editors: by the generator's name, the networks that edits use.
    """

    def __init__(
        self,
        networks: LazyLoader[TuningModels],
        generator: str,
        others: Mapping[str, Callable[[Report], TuningModels]] | None = None,
        load_other: Callable[[str], EditModels] | None = None,
        lent: bool = False,
        editor: LazyLoader[EditModels] | None = None,
    ) -> None:
        self.networks = networks
        self.loaders = {
            generator: self.networks,
            **{name: LazyLoader(loading) for name, loading in (others or {}).items()},
        }
        self.names = tuple(self.loaders)
        self.editors: dict[str, EditModels] = {}
        self._load_other, self._lent, self._editor = load_other, lent, editor
        self._loading_editor = threading.Lock()

    @property
    def can_edit(self) -> bool:
        """Whether what edits need of the first choice is there."""
        return self.networks.ready or bool(self._editor and self._editor.ready)

    def describe(self) -> str:
        """What is loaded now, for a person; "" before it is known."""
        early = self._editor
        return (early if early and not early.ready else self.networks).describe()

    def tuning_models(self, generator: str) -> TuningModels:
        """The networks of a choice. One that ends at the first's generator shares the first's."""
        first, chosen = self.networks.get(), self.loaders[generator].get()
        if chosen.generator.fingerprint == first.generator.fingerprint:
            return dataclasses.replace(first, about=chosen.about)
        return chosen

    def choice_of(self, name: str) -> str:
        """The choice that has the generator of that name, which may have to be loaded yet."""
        for choice, networks in self.loaders.items():
            if networks.ready and networks.get().generator.name == name:
                return choice
        if name in self.loaders:
            return name
        raise UserError(f"The session's generator {name!r} cannot be tuned here; personalise anew.")

    def edit_models(self, name: str) -> EditModels:
        """What edits need of the generator of that name; loaded when first used."""
        found = self.editors.get(name)
        if found is not None:
            return found
        with self._loading_editor:  # once, whoever asks meanwhile
            if name not in self.editors:
                ready = self._ready()
                if name in ready:
                    self.editors[name] = self.own_editor(ready[name])
                elif self._load_other is not None:
                    self.editors[name] = self._load_other(name)
                else:  # what it lacks is said by whoever checks the session against it
                    return self.own_editor(self.networks.get())
            return self.editors[name]

    def hand_over(self, before: Session | None, after: Session) -> None:
        """Keep what edits have computed of a photograph for a session of it that follows another:
        the drafts of a face, one that was refined."""
        editor = self.editors.get(after.generator_name)
        if before is not None and editor is not None and before.crops == after.crops:
            editor.layers.hand_over(before.delta, after.delta)

    def _ready(self) -> dict[str, EditModels]:
        """What edits can use by now, by the generator's name; the first choice's is waited for."""
        loaded = [one for one in self.loaders.values() if one.ready]
        early = self._editor
        first: list[EditModels] = [early.get()] if early and not early.error else []
        return {
            models.generator.name: models for models in [*first, *(one.get() for one in loaded)]
        }

    def own_editor(self, models: EditModels) -> EditModels:
        from pti_core.models import EditModels

        own = models.generator
        if self._lent:  # the GPU is not there between two loans
            import torch

            own = copy.deepcopy(own).place(torch.device("cpu"))
        return EditModels(generator=own, directions=models.directions, parser=models.parser)


def load_later(
    load: Callable[[Report], TuningModels],
    editor: LazyLoader[EditModels] | None,
    wait: Callable[[threading.Event], None],
) -> LazyLoader[TuningModels]:
    """All networks of the first choice: after what edits need, and then after `wait`, which ends
    once somebody asks for them."""

    def wait_for_rest(wanted: threading.Event) -> None:
        if editor is not None:
            editor.get()
            wait(wanted)

    return LazyLoader(load, wait_for_rest)
