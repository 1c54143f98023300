"""A session's pivot and whole tuned generator as one safetensors file that other programs read.

Tensors: `pivot` (1, num_ws, w_dim) and `generator.NAME` for every parameter and buffer. StyleGAN2's
names are those of NVIDIA's networks, so that their `Generator` takes them:

    tensors = safetensors.torch.load_file("face.safetensors")
    G.load_state_dict({k[10:]: v for k, v in tensors.items() if "." in k}, strict=False)

(`strict=False`: the resampling filters, which are constants, are not in the file.) The metadata
entry `pti_export` names the base generator by which this program opens the file again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pti_core.errors import SessionError
from pti_core.generators.base import Generator
from pti_core.session.from_code import session_from_code
from pti_core.session.session import Session

KEY = "pti_export"
#: Largest file that is opened: StyleGAN2 at 1024 is 120 MB.
MAX_BYTES = 512 * 2**20
_PREFIX = "generator."


@dataclass(frozen=True, eq=False)
class Exported:
    """An export that was read: whose difference it is, and its tensors."""

    generator_name: str
    fingerprint: str
    tensors: dict[str, Tensor]


@torch.inference_mode()
def export_bytes(session: Session, generator: Generator, person: int | None = None) -> bytes:
    """The file's bytes for one person of a session.

    Raises:
        SessionError: the session was made for another generator.
    """
    session.check_generator(generator)
    overrides = session.overrides(generator, person)
    state = {
        f"{part}.{name}": tensor
        for part, module in (("synthesis", generator.synthesis), ("mapping", generator.mapping))
        for name, tensor in module.state_dict().items()
    }
    state |= {f"synthesis.{name}": tensor for name, tensor in overrides.items()}
    state["mapping.w_avg"] = generator.w_avg
    pivot = generator.broadcast(session.pivot(person).to(generator.w_avg))
    tensors = {"pivot": pivot, **{_PREFIX + _published(n): t for n, t in state.items()}}
    plain = {
        name: _shaped(name, t).detach().cpu().contiguous().clone() for name, t in tensors.items()
    }
    about = {
        "generator": generator.name,
        "fingerprint": generator.fingerprint,
        "resolution": generator.resolution,
        "num_ws": generator.num_ws,
    }
    return safetensors.torch.save(plain, {KEY: json.dumps(about, sort_keys=True)})


def read_export(path: Path) -> Exported | None:
    """The export of a file; None where it is none.

    Raises:
        SessionError: one that is broken or not sound.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(KEY)
            if text is None:
                return None
            about = json.loads(text)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        name, fingerprint = str(about["generator"]), str(about["fingerprint"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    if not all(t.is_floating_point() and bool(t.isfinite().all()) for t in tensors.values()):
        raise SessionError("The exported generator holds what is no number; export it again.")
    return Exported(name, fingerprint, tensors)


def session_from_export(exported: Exported, generator: Generator) -> Session:
    """The export as a session of its base generator; its picture is what it drew before.

    Raises:
        SessionError: it is of another generator, or its tensors do not fit.
    """
    if (exported.generator_name, exported.fingerprint) != (generator.name, generator.fingerprint):
        raise SessionError(
            f"The export is of the generator {exported.generator_name[:64]!r} "
            f"({exported.fingerprint[:12]}), which is not the one here."
        )
    pivot = exported.tensors.get("pivot")
    if pivot is None or pivot.shape != (1, generator.num_ws, generator.w_dim):
        raise SessionError("The exported generator lacks its pivot; export it again.")
    levels = pivot[0]
    alike = torch.equal(levels, levels[:1].expand_as(levels))
    changed: dict[str, dict[str, Tensor]] = {"weights": {}, "noise": {}}
    names = set(generator.noise_names())
    parameters = dict(generator.synthesis.named_parameters())
    for name, own in generator.synthesis.state_dict().items():
        given = exported.tensors.get(_PREFIX + _published(f"synthesis.{name}"))
        if given is None or given.numel() != own.numel():
            raise SessionError("The exported generator's tensors do not fit; export it again.")
        difference = given.reshape(own.shape).float() - own.detach().float().cpu()
        if difference.any() and name in names:
            changed["noise"][name] = given.reshape(own.shape).float()
        elif difference.any() and name in parameters:
            changed["weights"][name] = difference
    code = levels[0] if alike else levels
    return session_from_code(code, generator, changed["weights"], changed["noise"])


def _published(name: str) -> str:
    """NVIDIA's name of a tensor of StyleGAN2; other networks keep theirs."""
    if re.match(r"synthesis\.b\d+\.", name):
        return re.sub(r"\.noise$", ".noise_const", name)
    return name


def _shaped(name: str, tensor: Tensor) -> Tensor:
    """NVIDIA's noise maps have two dimensions."""
    return tensor[0, 0] if name.endswith(".noise_const") else tensor
