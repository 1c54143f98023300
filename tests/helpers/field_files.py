"""Files as the field's programs write them, made of given numbers."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor


def _save_from_gpu(content: object, path: Path) -> Path:
    """`torch.save` of what lies on a GPU: its storages say so."""
    with patch("torch.serialization.location_tag", return_value="cuda:0"):
        torch.save(content, path)
    return path


def pti_code(path: Path, w: Tensor, levels: int = 18) -> Path:
    """PTI's `0.pt`: the pivot, repeated for every level, alone in the file; it lies on the GPU and
    wants a gradient."""
    pivot = w.reshape(1, 1, -1).repeat(1, levels, 1).requires_grad_(True)
    return _save_from_gpu(pivot, path)


def e4e_codes(path: Path, ws: Tensor) -> Path:
    """e4e's `latents.pt`: (N, levels, 512), from the GPU."""
    return _save_from_gpu(ws, path)


def ada_code(path: Path, w: Tensor, levels: int = 18) -> Path:
    """stylegan2-ada-pytorch's `projected_w.npz`."""
    np.savez(path, w=w.reshape(1, 1, -1).repeat(1, levels, 1).numpy())
    return path


def rosinality_code(path: Path, latent: Tensor) -> Path:
    """What rosinality's `projector.py` saves: by the picture's name."""
    row = {"img": torch.zeros(3, 8, 8), "latent": latent, "noise": [torch.zeros(1, 1, 4, 4)]}
    torch.save({"photos/me.jpg": row}, path)
    return path


def boundary(path: Path, vector: Tensor) -> Path:
    """InterFaceGAN's: (1, 512), of unit length, in double precision."""
    np.save(path, (vector / vector.norm()).double().numpy()[None])
    return path


def ganspace(path: Path, components: Tensor, std: Tensor) -> Path:
    """The dump of GANSpace's `decomposition.py` for the layer `style` of StyleGAN2 in W."""
    count = len(components)
    np.savez_compressed(
        path,
        act_comp=components.reshape(count, 1, -1).numpy(),
        act_mean=np.zeros((1, components.shape[1]), dtype=np.float32),
        act_stdev=std.numpy(),
        lat_comp=components.reshape(count, 1, -1).numpy(),
        lat_mean=np.zeros((1, components.shape[1]), dtype=np.float32),
        lat_stdev=std.numpy(),
        var_ratio=(std.square() / std.square().sum()).numpy(),
        random_stdevs=np.ones(count, dtype=np.float32),
    )
    return path


def pca_excerpt(path: Path, components: Tensor, std: Tensor) -> Path:
    """GANSpace's components as e4e and PTI ship them (`ffhq_pca.pt`)."""
    mean = torch.zeros(1, components.shape[1])
    torch.save({"comp": components, "mean": mean, "std": std}, path)
    return path


def sefa_factor(path: Path, columns: Tensor) -> Path:
    """What rosinality's `closed_form_factorization.py` saves."""
    torch.save({"ckpt": "stylegan2-ffhq-config-f.pt", "eigvec": columns}, path)
    return path
