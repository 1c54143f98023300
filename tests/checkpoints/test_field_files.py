"""Codes and directions in the layouts of the field, and files that are none."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from checkpoints.direction_files import read_directions
from checkpoints.errors import FieldFileError
from checkpoints.latent_codes import read_codes
from checkpoints.read_arrays import parse_npy
from tests.helpers.field_files import (
    ada_code,
    boundary,
    e4e_codes,
    ganspace,
    pca_excerpt,
    pti_code,
    rosinality_code,
    sefa_factor,
)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_codes_of_every_program(tmp_path: Path) -> None:
    w, ws = numbers(512), numbers(3, 18, 512, seed=1)
    files = (
        pti_code(tmp_path / "0.pt", w),
        ada_code(tmp_path / "projected_w.npz", w),
        rosinality_code(tmp_path / "me.pt", w),
    )
    for path in files:
        (code,) = read_codes(path)
        assert code.levels == 0 and torch.equal(code.w, w), path
    assert read_codes(files[2])[0].name == "me"
    several = read_codes(e4e_codes(tmp_path / "latents.pt", ws))
    assert [code.levels for code in several] == [18] * 3
    assert torch.equal(several[1].w, ws[1])
    np.save(tmp_path / "w.npy", w.numpy())
    save_file({"pivot": ws[:1].contiguous()}, tmp_path / "w.safetensors")
    assert torch.equal(read_codes(tmp_path / "w.npy")[0].w, w)
    assert torch.equal(read_codes(tmp_path / "w.safetensors")[0].w, ws[0])


def test_codes_that_lay_on_a_gpu(tmp_path: Path) -> None:
    """Most published ones did; they are read on a machine without one."""
    path = pti_code(tmp_path / "0.pt", numbers(512))
    with zipfile.ZipFile(path) as archive:
        (pickled,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        assert b"cuda:0" in archive.read(pickled)
    (code,) = read_codes(path)
    assert code.w.device.type == "cpu" and not code.w.requires_grad


def test_directions_of_every_program(tmp_path: Path) -> None:
    vector = numbers(512)
    unit = vector / vector.norm()
    (age,) = read_directions(boundary(tmp_path / "age_w_boundary.npy", vector))
    assert (age.name, age.kind) == ("age_w_boundary", "boundary")
    assert age.vector is not None and torch.allclose(age.vector, unit, atol=1e-6)
    basis = torch.linalg.qr(numbers(512, 80))[0].T.contiguous()
    found = read_directions(ganspace(tmp_path / "pca.npz", basis, torch.linspace(3, 1, 80)))
    assert len(found) == 10 and found[0].kind == "ganspace" and found[0].std == 3
    assert found[3].vector is not None and torch.allclose(found[3].vector, basis[3], atol=1e-5)
    found = read_directions(sefa_factor(tmp_path / "factor.pt", basis.T.contiguous()))
    assert found[2].kind == "sefa" and torch.allclose(found[2].vector, basis[2], atol=1e-5)
    found = read_directions(pca_excerpt(tmp_path / "ffhq_pca.pt", basis, torch.linspace(3, 1, 80)))
    assert found[0].kind == "ganspace" and found[0].std == 3
    step = torch.zeros(512)
    step[364] = 5
    np.savez(tmp_path / "lipstick.npz", **{"b64.conv1": step.numpy()})
    (styles,) = read_directions(tmp_path / "lipstick.npz")
    assert styles.kind == "styles" and torch.equal(styles.styles["b64.conv1"], step)


def test_what_is_none_is_named(tmp_path: Path) -> None:
    torch.save({"g_ema": {"input.input": torch.zeros(1, 4, 4, 4)}}, tmp_path / "g.pt")
    for read, what in ((read_codes, "latent code"), (read_directions, "direction")):
        with pytest.raises(FieldFileError, match=f"a StyleGAN2 generator, and holds no {what}"):
            read(tmp_path / "g.pt")
    (tmp_path / "page.npz").write_text("<html>Sign in</html>")
    with pytest.raises(FieldFileError, match=r"a web page, such as .* holds no direction"):
        read_directions(tmp_path / "page.npz")
    (tmp_path / "photo.txt").write_text("hello")
    with pytest.raises(FieldFileError, match="does not end in"):
        read_codes(tmp_path / "photo.txt")
    with pytest.raises(FieldFileError, match="length one is a direction"):
        read_codes(boundary(tmp_path / "age_w_boundary.npy", numbers(512)))
    for path in (
        pti_code(tmp_path / "0.pt", numbers(512)),
        e4e_codes(tmp_path / "latents.pt", numbers(2, 18, 512)),
    ):
        with pytest.raises(FieldFileError, match="that of latent codes; open it as one"):
            read_directions(path)
    np.save(tmp_path / "nan.npy", np.full(512, np.nan, dtype=np.float32))
    with pytest.raises(FieldFileError, match="not finite"):
        read_codes(tmp_path / "nan.npy")
    np.save(tmp_path / "zero.npy", np.zeros((1, 512)))
    with pytest.raises(FieldFileError, match="zero or not finite"):
        read_directions(tmp_path / "zero.npy")


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    np.save(tmp_path / "objects.npy", np.array([Payload()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", w=np.array([Payload()], dtype=object))
    torch.save(Payload(), tmp_path / "objects.pt")
    for name in ("objects.npy", "objects.npz", "objects.pt"):
        with pytest.raises(FieldFileError):
            read_codes(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_claims_are_checked_before_memory_is_asked_for(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"shape": (10**12, 512), "fortran_order": False, "descr": "<f4"}
    )
    with pytest.raises(ValueError, match="other numbers than it claims"):
        parse_npy(stream.getvalue() + b"1234")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", bytes(300 * 2**20))
    with pytest.raises(FieldFileError, match="damaged or unreadable"):
        read_codes(tmp_path / "bomb.npz")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f4", ">f8", "<f2", "|i1", "<u2"])
def test_numpy_arrays_are_read_as_they_are(order: str, kind: str) -> None:
    wanted = np.arange(24).reshape(2, 3, 4).astype(kind)
    stream = io.BytesIO()
    np.save(stream, np.asarray(wanted, order=order))  # type: ignore[call-overload]
    found = parse_npy(stream.getvalue()).numpy()
    assert np.array_equal(found, wanted)
