"""The one interface that every generator has, and a view of it with replaced weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

from pti_core.networks.devices import Card, card_of

#: Samples of z for the mean and standard deviation of w (Karras et al. 2020 use 10,000).
W_STATISTICS_SAMPLES = 10_000
#: Side of the hidden maps that `Generator.middle` gives. In both networks they carry everything of
#: the picture but its fine detail, and cost a third of it.
MIDDLE = 128


class PartialForward(NamedTuple):
    """What a synthesis network has computed when it is behind the layers of one side.

    Attributes:
        maps: hidden maps (N, C, side, side).
        picture: the picture of that side (N, 3, side, side) where the network sums it up on its
            way; None where it has one head at its end.
    """

    maps: Tensor
    picture: Tensor | None = None


class Generator(nn.Module):
    """A frozen style-based generator: `mapping` (z to w) and `synthesis` (ws to a picture).

    Attributes:
        name: short name, as the checkpoint manifest has it.
        resolution: side of the picture in pixels.
        num_ws: number of w vectors that synthesis takes.
        w_dim: length of a w vector (512).
        fingerprint: sha256 (hex) over the checkpoint's bytes; a session names its base by it.
        mapping: module, z (N, w_dim) to w (N, w_dim), untruncated; its `w_dim` says how many.
        synthesis: module, ws (N, num_ws, w_dim) to a picture (N, 3, R, R), nominally in [-1, 1],
            unclipped; its `resolution` is R. Stored noise maps are buffers whose names
            `noise_names` lists.
        w_avg: buffer (w_dim,), mean of w. w_std: buffer (), root of the mean squared distance
            from it, as the projector of Karras et al. 2020 (appendix D) uses it.
        options: keyword arguments that `synthesis` takes beside ws, for the device: its precision
            and what it keeps for the backward pass. `place` sets them.
    """

    w_avg: Tensor
    w_std: Tensor

    def __init__(
        self,
        *,
        name: str,
        mapping: nn.Module,
        synthesis: nn.Module,
        num_ws: int,
        fingerprint: str,
        w_avg: Tensor | None = None,
    ):
        super().__init__()
        self.name, self.num_ws, self.fingerprint = name, num_ws, fingerprint
        self.mapping, self.synthesis = mapping, synthesis
        self.resolution = int(synthesis.resolution)  # type: ignore[arg-type]
        self.w_dim = int(mapping.w_dim)  # type: ignore[arg-type]
        self.options: dict[str, Any] = {}
        self._idle: list[nn.Module] = []
        self.requires_grad_(False).eval()
        samples = self.sample_w(W_STATISTICS_SAMPLES, seed=0)
        mean = samples.mean(0) if w_avg is None else w_avg.reshape(self.w_dim)
        self.register_buffer("w_avg", mean)
        self.register_buffer("w_std", (samples - mean).square().sum(1).mean().sqrt())

    def place(self, device: torch.device) -> Self:
        """Move to a device and compute there as suits it."""
        self.options = self.options_for(card_of(device))
        return self.to(device)

    def options_for(self, card: Card | None) -> dict[str, Any]:
        """`options` for a GPU, or for the CPU (None)."""
        return {}

    @torch.no_grad()
    def sample_w(self, count: int, seed: int, truncation: float = 1.0) -> Tensor:
        """Random w (count, w_dim) of `mapping`, the same for the same seed.

        truncation: how far from `w_avg` they lie, 1: as they are (Karras et al. 2019, appendix B).
        """
        z = torch.randn(count, self.w_dim, generator=torch.Generator().manual_seed(seed))
        device = next(self.mapping.parameters()).device
        w = self.mapping(z.to(device))
        return w if truncation == 1 else self.w_avg + truncation * (w - self.w_avg)

    def w_statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (w_dim,) of w, on the CPU; the same z for all generators."""
        samples = self.sample_w(W_STATISTICS_SAMPLES, seed=0).float().cpu()
        return samples.mean(0), samples.std(0)

    def broadcast(self, w: Tensor) -> Tensor:
        """w (N, w_dim) or ws (N, num_ws, w_dim) as ws (N, num_ws, w_dim)."""
        if w.ndim == 2:
            w = w[:, None].expand(-1, self.num_ws, -1)
        if w.ndim != 3 or w.shape[1:] != (self.num_ws, self.w_dim):
            raise ValueError(f"w has shape {tuple(w.shape)}, not (N, {self.num_ws}, {self.w_dim})")
        return w

    def noise_names(self) -> list[str]:
        """Names of the stored noise buffers inside `synthesis`, coarse to fine."""
        return [name for name, _ in self.synthesis.named_buffers() if name.endswith("noise")]

    def side_of(self, parameter: str) -> int:
        """Side in pixels of the hidden maps that a parameter of `synthesis`, by name, works on."""
        return self.synthesis.side_of(parameter)  # type: ignore[operator]

    def render(
        self,
        w: Tensor,
        overrides: Mapping[str, Tensor] | None = None,
        *,
        exact: bool = False,
        stem: PartialForward | None = None,
    ) -> Tensor:
        """The picture (N, 3, R, R) of w or ws, with some weights or noise of `synthesis` replaced.

        Args:
            w: (N, w_dim) or (N, num_ws, w_dim).
            overrides: parameter or buffer name inside `synthesis` to the tensor that stands in for
                it. The base generator is not changed, so many sessions can share it.
            exact: in float32 whatever `options` say: for pictures that are kept or measured.
            stem: where to begin: of this w, by weights that are the same up to there.
        """
        options = {} if exact else dict(self.options)
        if stem is not None:
            options["stem"] = stem
        return self._synthesise(w, overrides, options)

    def stem(
        self,
        w: Tensor,
        side: int,
        overrides: Mapping[str, Tensor] | None = None,
        stem: PartialForward | None = None,
    ) -> PartialForward:
        """What is computed behind the layers of `side`, in the precision of `options`.

        Args: as of `render`.
        """
        return self._synthesise(w, overrides, {**self.options, "stem": stem, "until": side})

    def _synthesise(
        self, w: Tensor, overrides: Mapping[str, Tensor] | None, options: dict[str, Any]
    ) -> Any:
        with self._own_synthesis() as synthesis:
            return functional_call(synthesis, dict(overrides or {}), (self.broadcast(w),), options)

    @contextmanager
    def _own_synthesis(self) -> Iterator[nn.Module]:
        """Modules around the tensors of `synthesis` that no other thread uses meanwhile.

        `functional_call` puts the overrides into the modules while it runs. So it never gets
        `synthesis` itself: other threads may render, copy or read the base at any time.
        """
        idle = self._idle  # taken once: `_apply` begins another
        try:
            synthesis = idle.pop()
        except IndexError:
            shared = [*self.synthesis.parameters(), *self.synthesis.buffers()]
            with torch.inference_mode(False):
                synthesis = copy.deepcopy(self.synthesis, {id(tensor): tensor for tensor in shared})
        try:
            yield synthesis
        finally:
            idle.append(synthesis)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or convert the tensors (called by `to` and the like)."""
        self._idle = []
        return super()._apply(fn, recurse)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_idle": []}

    @property
    def has_middle(self) -> bool:
        """Whether the pictures are large enough for `middle` to be worth it."""
        return self.resolution >= 4 * MIDDLE

    def middle(
        self,
        w: Tensor,
        overrides: Mapping[str, Tensor] | None = None,
        stem: PartialForward | None = None,
    ) -> Tensor | None:
        """Hidden maps (N, C, MIDDLE, MIDDLE) on the way to `render`'s picture, in the precision of
        `options`; None where the picture is too small for that to be worth it.

        Args: as of `render`.
        """
        return self.stem(w, MIDDLE, overrides, stem).maps if self.has_middle else None
