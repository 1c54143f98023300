"""A session: one personalised generator, and everything needed to show, edit and resume it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from pti_core.editing.directions import Curve, Direction
from pti_core.editing.edit_state import EditState
from pti_core.editing.hair_color import HairColor
from pti_core.editing.text_edit import StackEntry
from pti_core.errors import SessionError
from pti_core.faces.align import Alignment
from pti_core.generators.base import Generator
from pti_core.inversion.tuned_delta import TunedDelta
from pti_core.session import file_format
from pti_core.session.atomic_write import write_atomically
from pti_core.session.own_rows import own_directions, own_row
from pti_core.session.person import PersonState, encode_crop, encode_photograph, plain

__all__ = ["PersonState", "Session", "encode_crop", "encode_photograph"]


@dataclass(eq=False)
class Session:
    """What a personalisation made, for one photograph or N of them under one set of weights.

    The tensors are kept on the CPU in the precision of the file, so that a session renders bit for
    bit the same before it is saved and after it is opened (on the same machine).

    Attributes:
        generator_name, fingerprint: the base generator it is a difference from.
        people: N persons, one for each photograph (the same person may come again).
        delta: the tuned weights as a float16 difference from the base; empty without tuning,
            zero where none has moved yet.
        edits: direction name to amount in its units.
        stack: text-driven edits, in the order in which they were made.
        person: index of the one that is shown and edited.
        hair_color: a colour for the hair, if one was chosen.
        own: further directions by name, which came from a file; shipped ones come first.
        made: how it was made (preset, method, seed, settings, metrics, versions): plain JSON.
    """

    generator_name: str
    fingerprint: str
    people: list[PersonState]
    delta: TunedDelta
    edits: dict[str, float] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    stack: list[StackEntry] = field(default_factory=list)
    person: int = 0
    hair_color: HairColor | None = None
    own: dict[str, Direction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tensors = {name: plain(tensor).half() for name, tensor in self.delta.tensors.items()}
        # Sessions that differ in edits share what is computed for their weights.
        if any(tensors[name] is not tensor for name, tensor in self.delta.tensors.items()):
            self.delta = TunedDelta(tensors)

    @property
    def photographs(self) -> list[bytes]:
        return [person.photograph for person in self.people]

    @property
    def crops(self) -> list[bytes]:
        return [person.crop for person in self.people]

    @property
    def alignments(self) -> list[Alignment]:
        return [person.alignment for person in self.people]

    @property
    def pivots(self) -> Tensor:
        """(N, w_dim) or (N, num_ws, w_dim), a copy."""
        return torch.stack([person.pivot for person in self.people])

    @property
    def noise(self) -> list[dict[str, Tensor]]:
        return [person.noise for person in self.people]

    @property
    def edit_state(self) -> EditState:
        """The edits that the session holds."""
        return EditState(self.edits, tuple(self.stack), self.person, self.hair_color)

    def with_curves(self, curves: Sequence[Mapping[str, Curve]]) -> Session:
        """The session with other curves, one dict per person; those without one have none."""
        each = [dict(curves[i]) if i < len(curves) else {} for i in range(len(self.people))]
        people = [replace(p, curves=c) for p, c in zip(self.people, each, strict=True)]
        return replace(self, people=people)

    def with_choices_of(self, other: Session) -> Session:
        """The session with the text edits, the hair colour, the own directions and the shown person
        of another one of the same photographs. Amounts are left out: ranges may be others."""
        stack, own = list(other.stack), dict(other.own)
        return replace(self, stack=stack, person=other.person, hair_color=other.hair_color, own=own)

    def at(self, person: int | None) -> int:
        """The index of a person: the one that is shown where none is named."""
        return self.person if person is None else person

    def photograph(self, person: int | None = None) -> Image.Image:
        """The photograph, RGB, at its own resolution."""
        return file_format.photograph_of(self.people[self.at(person)].photograph)

    def crop(self, person: int | None = None) -> Image.Image:
        """The aligned crop, RGB, at the generator's resolution: what was inverted."""
        return file_format.crop_of(self.people[self.at(person)].crop)

    def pivot(self, person: int | None = None) -> Tensor:
        """A person's pivot, (1, 512) or (1, num_ws, 512)."""
        return self.people[self.at(person)].pivot[None]

    def directions(
        self, shipped: Mapping[str, Direction], person: int | None = None
    ) -> dict[str, Direction]:
        """The shipped directions with a person's own curves and ranges, where they were fitted,
        and the session's own."""
        curves = self.people[self.at(person)].curves
        return {
            name: direction.fitted(curves[name]) if name in curves else direction
            for name, direction in {**self.own, **shipped}.items()
        }

    def overrides(
        self, generator: Generator, person: int | None = None, share: float = 1.0
    ) -> dict[str, Tensor]:
        """What `Generator.render` takes to be this personalised generator at a photograph's pivot.

        share: of the tuned weights' difference from the base's.

        Raises:
            SessionError: the session was made for another generator.
        """
        self.check_generator(generator)
        device = generator.w_avg.device
        noise = {
            name: tensor.to(device) for name, tensor in self.people[self.at(person)].noise.items()
        }
        return {**noise, **self.delta.overrides(generator, share)}

    def check_generator(self, generator: Generator) -> None:
        """Make sure that this is the base generator, and that every tensor fits into it.

        Raises:
            SessionError: it is not; the sentence names the generator that is needed.
        """
        if (self.generator_name, self.fingerprint) != (generator.name, generator.fingerprint):
            raise SessionError(
                f"The session needs the generator {self.generator_name!r} "
                f"({self.fingerprint[:12]}), and this is {generator.name!r} "
                f"({generator.fingerprint[:12]}); load the one that it needs."
            )
        buffers = dict(generator.synthesis.named_buffers())
        own_noise = {name: buffers[name] for name in generator.noise_names()}
        one_w, one_ws = (generator.w_dim,), (generator.num_ws, generator.w_dim)
        for person in self.people:
            _check_fit("noise maps", person.noise, own_noise)
            if tuple(person.pivot.shape) not in (one_w, one_ws):
                raise SessionError(_unfit("pivot"))
        if any(tuple(one.vector.shape) != one_w for one in self.own.values()):
            raise SessionError(_unfit("directions"))
        _check_fit("weights", self.delta.tensors, dict(generator.synthesis.named_parameters()))
        for entry in self.stack:
            entry.check(generator)

    def to_bytes(self, eight_bits: bool = True) -> bytes:
        """The session as the bytes of its file; the same session gives the same bytes.

        eight_bits: as in `file_format.pack`; what the file opens to is the same either way.
        """
        first, *others = [person.curves for person in self.people]
        header = file_format.Header(
            generator_name=self.generator_name,
            fingerprint=self.fingerprint,
            alignments=[alignment.to_dict() for alignment in self.alignments],
            edits=self.edits,
            made=self.made,
            curves=first,
            stack=[(entry.label, entry.way, entry.amount) for entry in self.stack],
            other_curves=others if any(others) else [],
            person=self.person,
            hair_color=self.hair_color,
            own=[own_row(direction) for direction in self.own.values()],
        )
        tensors = {"pivots": self.pivots}
        for i, direction in enumerate(self.own.values()):
            tensors[f"direction.{i}"] = direction.vector
        tensors |= {f"delta.{name}": tensor for name, tensor in self.delta.tensors.items()}
        for i, person in enumerate(self.people):
            tensors |= {f"noise.{i}.{name}": tensor for name, tensor in person.noise.items()}
            tensors[f"photograph.{i}"] = file_format.bytes_to_tensor(person.photograph)
            tensors[f"crop.{i}"] = file_format.bytes_to_tensor(person.crop)
        for i, entry in enumerate(self.stack):
            if entry.ws is not None:
                tensors[f"stack.{i}.ws"] = entry.ws
            tensors |= {f"stack.{i}.style.{name}": step for name, step in entry.styles.items()}
        return file_format.pack(header, tensors, eight_bits)

    def save(self, path: Path | str) -> None:
        """Write the file in one step: a crash leaves what was there, or all of the new one.

        Raises:
            OutputError: it cannot be written there.
        """
        write_atomically(Path(path), self.to_bytes())

    @classmethod
    def open(cls, source: Path | str | bytes, generator: Generator | None = None) -> Session:
        """Open a session file or its bytes; nothing in it is executed, everything is checked.

        Without `generator`, whether the session fits one is found out when it is rendered.

        Raises:
            SessionError: it is no session file, is broken, holds what no session of ours holds, or
                was made for another generator.
        """
        header, tensors = file_format.unpack(source)
        try:
            alignments = [Alignment.from_dict(item) for item in header.alignments]
        except ValueError as error:
            raise SessionError(
                "The session file does not say where the face lies; make the session anew."
            ) from error
        curves = dict(enumerate([header.curves, *header.other_curves]))
        people = [
            PersonState(
                photograph=file_format.tensor_to_bytes(tensors[f"photograph.{i}"]),
                crop=file_format.tensor_to_bytes(tensors[f"crop.{i}"]),
                alignment=alignment,
                pivot=tensors["pivots"][i],
                noise=_under(f"noise.{i}.", tensors),
                curves=curves.get(i, {}),
            )
            for i, alignment in enumerate(alignments)
        ]
        session = cls(
            generator_name=header.generator_name,
            fingerprint=header.fingerprint,
            people=people,
            delta=TunedDelta(_under("delta.", tensors)),
            edits=header.edits,
            made=header.made,
            stack=[
                StackEntry(
                    label,
                    way,
                    amount,
                    tensors.get(f"stack.{i}.ws"),
                    _under(f"stack.{i}.style.", tensors),
                )
                for i, (label, way, amount) in enumerate(header.stack)
            ],
            person=header.person,
            hair_color=header.hair_color,
            own=own_directions(header.own, tensors),
        )
        if generator is not None:
            session.check_generator(generator)
        session._check_pictures()
        return session

    def _check_pictures(self) -> None:
        for index, person in enumerate(self.people):
            self.crop(index)
            if self.photograph(index).size != tuple(person.alignment.photo_size):
                raise SessionError(
                    "The photograph in the session file is not the one its face was found in; "
                    "make the session anew."
                )


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n[len(prefix) :]: tensor for n, tensor in tensors.items() if n.startswith(prefix)}


def _check_fit(what: str, given: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name, tensor in given.items():
        if name not in wanted or tensor.shape != wanted[name].shape:
            raise SessionError(_unfit(what))


def _unfit(what: str) -> str:
    return f"The session's {what} do not fit its generator; make the session anew."
