"""A session: one personalised generator, and everything needed to show, edit and resume it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from pti_core.editing.directions import Curve, Direction
from pti_core.editing.text_edit import StackEntry
from pti_core.errors import SessionError
from pti_core.faces.align import Alignment
from pti_core.generators.base import Generator
from pti_core.inversion.pivotal_tuning import TunedDelta
from pti_core.session import file_format
from pti_core.session.atomic_write import write_atomically

# At 95 without colour subsampling a photograph differs from its original by less than its noise:
# pasting shows the original's pixels around the face within one or two levels.
PHOTOGRAPH_QUALITY = 95


@dataclass(eq=False)
class Session:
    """What a personalisation made, for one photograph or N of them under one set of weights.

    The tensors lie on the CPU, contiguous, in the precision of the file, so that a session renders
    bit for bit the same before it is saved and after it is opened (on the same machine).

    Attributes:
        generator_name, fingerprint: the base generator it is a difference from.
        photographs: N encoded photographs (JPEG, upright, without metadata).
        crops: N encoded aligned crops (PNG, lossless, at the generator's resolution).
        alignments: where each crop lies in its photograph.
        pivots: (N, 512) or (N, num_ws, 512) float32.
        noise: N dicts, noise buffer of `synthesis` to the map (float32) that stands in for it where
            this photograph was projected; only those that differ.
        delta: the tuned weights as a float16 difference from the base; empty without tuning.
        edits: direction name to amount in its units.
        curves: direction name to its curve for the first photograph's person
            (`pti_core.editing.calibration`).
        other_curves: the same for each of the others; none where they were not fitted.
        stack: text-driven edits, in the order in which they were made.
        person: which of the N is shown and edited.
        made: how it was made (preset, method, seed, settings, metrics, versions): plain JSON.
    """

    generator_name: str
    fingerprint: str
    photographs: list[bytes]
    crops: list[bytes]
    alignments: list[Alignment]
    pivots: Tensor
    noise: list[dict[str, Tensor]]
    delta: TunedDelta
    edits: dict[str, float] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    stack: list[StackEntry] = field(default_factory=list)
    other_curves: list[dict[str, Curve]] = field(default_factory=list)
    person: int = 0

    def __post_init__(self) -> None:
        self.pivots = _plain(self.pivots).float()
        self.noise = [
            {name: _plain(tensor).float() for name, tensor in maps.items()} for maps in self.noise
        ]
        tensors = {name: _plain(tensor).half() for name, tensor in self.delta.tensors.items()}
        self.delta = TunedDelta(tensors)

    def at(self, person: int | None) -> int:
        """The index of a person: the one that is shown where none is named."""
        return self.person if person is None else person

    def photograph(self, person: int | None = None) -> Image.Image:
        """The photograph, RGB, at its own resolution."""
        return file_format.photograph_of(self.photographs[self.at(person)])

    def crop(self, person: int | None = None) -> Image.Image:
        """The aligned crop, RGB, at the generator's resolution: what was inverted."""
        return file_format.crop_of(self.crops[self.at(person)])

    def pivot(self, person: int | None = None) -> Tensor:
        """A person's pivot, (1, 512) or (1, num_ws, 512)."""
        return self.pivots[self.at(person)][None]

    def directions(
        self, shipped: Mapping[str, Direction], person: int | None = None
    ) -> dict[str, Direction]:
        """The shipped directions with a person's own curves and ranges, where they were fitted."""
        fitted = dict(enumerate([self.curves, *self.other_curves]))
        curves = fitted.get(self.at(person), {})
        return {
            name: direction.fitted(curves[name]) if name in curves else direction
            for name, direction in shipped.items()
        }

    def replaced(self, generator: Generator, person: int | None = None) -> dict[str, Tensor]:
        """What `Generator.render` takes to be this personalised generator at a photograph's pivot.

        Raises:
            SessionError: the session was made for another generator.
        """
        self.check_generator(generator)
        device = generator.w_mean.device
        noise = {name: tensor.to(device) for name, tensor in self.noise[self.at(person)].items()}
        return {**noise, **self.delta.replaced(generator)}

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
        for maps in self.noise:
            _check_fit("noise maps", maps, own_noise)
        _check_fit("weights", self.delta.tensors, dict(generator.synthesis.named_parameters()))
        one_w, one_ws = (generator.w_dim,), (generator.num_ws, generator.w_dim)
        if tuple(self.pivots.shape[1:]) not in (one_w, one_ws):
            raise SessionError(_unfit("pivot"))
        for entry in self.stack:
            entry.check(generator)

    def to_bytes(self, eight_bits: bool = True) -> bytes:
        """The session as the bytes of its file; the same session gives the same bytes.

        eight_bits: as in `session_file.pack`; what the file opens to is the same either way.
        """
        header = file_format.Header(
            generator_name=self.generator_name,
            fingerprint=self.fingerprint,
            alignments=[alignment.to_dict() for alignment in self.alignments],
            edits=self.edits,
            made=self.made,
            curves=self.curves,
            stack=[(entry.label, entry.way, entry.amount) for entry in self.stack],
            other_curves=self.other_curves,
            person=self.person,
        )
        tensors = {"pivots": self.pivots}
        tensors |= {f"delta.{name}": tensor for name, tensor in self.delta.tensors.items()}
        for i, maps in enumerate(self.noise):
            tensors |= {f"noise.{i}.{name}": tensor for name, tensor in maps.items()}
        for i, (photograph, crop) in enumerate(zip(self.photographs, self.crops, strict=True)):
            tensors[f"photograph.{i}"] = file_format.bytes_to_tensor(photograph)
            tensors[f"crop.{i}"] = file_format.bytes_to_tensor(crop)
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
        people = range(len(alignments))
        session = cls(
            generator_name=header.generator_name,
            fingerprint=header.fingerprint,
            photographs=[file_format.tensor_to_bytes(tensors[f"photograph.{i}"]) for i in people],
            crops=[file_format.tensor_to_bytes(tensors[f"crop.{i}"]) for i in people],
            alignments=alignments,
            pivots=tensors["pivots"],
            noise=[_under(f"noise.{i}.", tensors) for i in people],
            delta=TunedDelta(_under("delta.", tensors)),
            edits=header.edits,
            made=header.made,
            curves=header.curves,
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
            other_curves=header.other_curves,
            person=header.person,
        )
        if generator is not None:
            session.check_generator(generator)
        session._check_pictures()
        return session

    def _check_pictures(self) -> None:
        for person, alignment in enumerate(self.alignments):
            self.crop(person)
            if self.photograph(person).size != tuple(alignment.photo_size):
                raise SessionError(
                    "The photograph in the session file is not the one its face was found in; "
                    "make the session anew."
                )


def encode_photograph(image: Image.Image) -> bytes:
    """An RGB photograph as a session keeps it: JPEG without metadata, at its own resolution."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=PHOTOGRAPH_QUALITY, subsampling=0)
    return stream.getvalue()


def encode_crop(image: Image.Image) -> bytes:
    """An aligned crop as a session keeps it: PNG, so that resuming and metrics are exact."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n[len(prefix) :]: tensor for n, tensor in tensors.items() if n.startswith(prefix)}


def _check_fit(what: str, given: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name, tensor in given.items():
        if name not in wanted or tensor.shape != wanted[name].shape:
            raise SessionError(_unfit(what))


def _unfit(what: str) -> str:
    return f"The session's {what} do not fit its generator; make the session anew."
