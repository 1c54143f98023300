"""Finished pieces of a long evaluation, kept so that it can be stopped and gone on with.

Every piece lies in a file of its own whose name holds a hash of all that it was made from. What was
made from something else is simply not found, so no old figure slips into a new report.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from pti_core.errors import SessionError
from pti_core.session.atomic_write import OutputError, write_atomically
from pti_core.session.session import Session

#: Raised when the same inputs give other results: figures (2: age is read from several crops), and
#: sessions and weights, which take hours.
FIGURES, MADE = 2, 1


class Workbook:
    """The pieces in `folder`, which is made if it is missing.

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be made ({error.strerror}); name another folder."
            ) from error

    def figures(
        self, name: str, inputs: Mapping[str, Any], make: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """JSON values: those of the file, or made now and kept.

        Args:
            name: what the piece is, for people who look into the folder.
            inputs: everything that it depends on, as JSON values.
            make: makes it.
        """
        path = self._path(name, inputs, ".json")
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
        except (OSError, ValueError):
            pass  # not made yet, or spoilt by somebody: made anew
        made = make()
        text = json.dumps(made, indent=1, allow_nan=False)
        write_atomically(path, text.encode())
        # What is read the next time, so that a run that was stopped ends like one that was not.
        return json.loads(text)

    def session(self, name: str, inputs: Mapping[str, Any], make: Callable[[], Session]) -> Session:
        """A session, likewise."""
        path = self._path(name, inputs, ".safetensors")
        try:
            return Session.open(path)
        except SessionError:
            pass
        session = make()
        session.save(path)
        return session

    def tensors(
        self, name: str, inputs: Mapping[str, Any], make: Callable[[], Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Tensors by name, on the CPU, likewise."""
        path = self._path(name, inputs, ".tensors.safetensors")
        try:
            return safetensors.torch.load(path.read_bytes())
        except (OSError, SafetensorError):
            pass
        made = {key: tensor.detach().cpu().contiguous() for key, tensor in make().items()}
        write_atomically(path, safetensors.torch.save(made))
        return made

    def _path(self, name: str, inputs: Mapping[str, Any], suffix: str) -> Path:
        version = FIGURES if suffix == ".json" else MADE
        text = json.dumps({**inputs, "version": version}, sort_keys=True, allow_nan=False)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        plain = re.sub(r"[^A-Za-z0-9._+-]+", "_", name)[:80]
        return self.folder / f"{plain}-{digest}{suffix}"
