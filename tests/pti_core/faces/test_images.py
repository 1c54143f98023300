"""Whatever file a person hands over becomes an upright, bare RGB picture or one clear sentence."""

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin

from pti_core.errors import PhotographError
from pti_core.faces import images
from pti_core.faces.images import open_photograph, to_image, to_tensor

ORIENTATION, GPS = 0x0112, 0x8825


def saved(image, format="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def quadrants(width=64, height=48):
    """Red, green / blue, white: every turn and mirror of it differs."""
    array = np.zeros((height, width, 3), np.uint8)
    array[: height // 2, : width // 2] = (255, 0, 0)
    array[: height // 2, width // 2 :] = (0, 255, 0)
    array[height // 2 :, : width // 2] = (0, 0, 255)
    array[height // 2 :, width // 2 :] = (255, 255, 255)
    return Image.fromarray(array)


def ramp16():
    return np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (48, 1))


def assert_bare(image):
    assert image.mode == "RGB"
    assert not image.info
    assert not image.getexif()


@pytest.mark.parametrize("kind", ["path", "string", "bytes", "file", "picture"])
def test_all_sources_give_the_same_pixels(kind, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(saved(quadrants()))
    source = {
        "path": path,
        "string": str(path),
        "bytes": path.read_bytes(),
        "file": io.BytesIO(path.read_bytes()),
        "picture": Image.open(path),
    }[kind]
    opened = open_photograph(source)
    assert_bare(opened)
    assert np.array_equal(np.asarray(opened), np.asarray(quadrants()))


@pytest.mark.parametrize(
    ("orientation", "undone_by"),
    [
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_exif_orientation_is_applied(orientation, undone_by):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = saved(quadrants().transpose(undone_by), exif=exif.tobytes())
    assert np.array_equal(np.asarray(open_photograph(data)), np.asarray(quadrants()))


def test_nothing_of_the_metadata_survives():
    exif = Image.Exif()
    exif[0x010F] = "Some camera"
    exif.get_ifd(GPS)[1] = "N"
    opened = open_photograph(saved(quadrants(), "JPEG", exif=exif.tobytes(), comment=b"secret"))
    assert_bare(opened)
    again = saved(opened, "JPEG")
    assert b"Exif" not in again and b"secret" not in again


def test_transparency_is_laid_on_white():
    rgba = quadrants().convert("RGBA")
    rgba.putalpha(Image.fromarray(np.full((48, 64), 128, np.uint8)))
    corner = open_photograph(saved(rgba)).getpixel((0, 0))
    assert corner == (255, 127, 127)


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBa", "La"])
def test_other_transparent_modes_are_laid_on_white_too(mode):
    image = Image.new(mode, (40, 40))  # all channels 0: wholly transparent black
    if mode == "PA":
        image.putpalette([0] * 768)
    assert open_photograph(image).getpixel((5, 5)) == (255, 255, 255)


def test_transparent_palette_is_laid_on_white():
    palette = quadrants().quantize(4)
    clear = palette.getpixel((0, 0))
    opened = open_photograph(saved(palette, transparency=clear))
    assert opened.getpixel((0, 0)) == (255, 255, 255)
    assert opened.getpixel((63, 0)) == (0, 255, 0)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_shallow_modes_keep_black_and_white(mode):
    array = np.zeros((40, 40), np.uint8)
    array[:, 20:] = 255
    opened = open_photograph(saved(Image.fromarray(array).convert(mode)))
    assert opened.getpixel((0, 0)) == (0, 0, 0)
    assert opened.getpixel((39, 0)) == (255, 255, 255)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bits_are_scaled_not_clipped(format):
    opened = np.asarray(open_photograph(saved(Image.fromarray(ramp16()), format)))
    expected = np.rint(ramp16() / 257).astype(int)
    assert np.array_equal(opened[..., 0], expected)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e6])
def test_floats_are_scaled_by_what_their_range_means(top):
    values = np.tile(np.linspace(0, top, 64, dtype=np.float32), (48, 1))
    opened = np.asarray(open_photograph(saved(Image.fromarray(values), "TIFF")))
    assert opened[0, 0, 0] == 0 and opened[0, -1, 0] == 255
    assert abs(int(opened[0, 32, 1]) - 129.5) <= 1


def test_32_bit_integers_and_broken_floats_are_opened():
    integers = Image.fromarray(ramp16().astype(np.int32))
    assert np.asarray(open_photograph(saved(integers, "TIFF")))[0, -1, 0] == 255
    broken = np.full((40, 40), np.nan, np.float32)
    broken[:, :20] = 1.0
    opened = open_photograph(Image.fromarray(broken))
    assert opened.getpixel((0, 0)) == (255,) * 3 and opened.getpixel((39, 0)) == (0,) * 3


def test_cmyk_becomes_the_colours_it_prints():
    opened = open_photograph(saved(quadrants().convert("CMYK"), "JPEG", quality=95))
    assert_bare(opened)
    difference = np.asarray(opened, int) - np.asarray(quadrants(), int)
    assert np.abs(difference)[5:15, 5:20].max() < 12


def test_an_embedded_profile_is_converted_to_srgb():
    grey = Image.new("RGB", (40, 40), (128, 128, 128))
    linear = ImageCms.ImageCmsProfile(io.BytesIO(_linear_rgb_profile()))
    opened = open_photograph(saved(grey, icc_profile=linear.tobytes()))
    assert_bare(opened)
    # Half of the light is 188 of 255 in sRGB.
    assert all(abs(value - 188) <= 2 for value in opened.getpixel((0, 0)))


def test_a_broken_profile_is_ignored():
    opened = open_photograph(saved(quadrants(), icc_profile=b"not a profile"))
    assert np.array_equal(np.asarray(opened), np.asarray(quadrants()))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(format):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    data = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert open_photograph(data).getpixel((9, 9)) == (255, 0, 0)


def test_several_pictures_in_one_jpeg_give_the_first():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    opened = open_photograph(saved(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert opened.getpixel((9, 9))[0] > 240


@pytest.mark.parametrize("size", [(31, 400), (400, 31), (1, 1)])
def test_tiny_pictures_are_refused_with_the_least_size(size):
    with pytest.raises(PhotographError, match="at least 32 x 32"):
        open_photograph(saved(Image.new("RGB", size)))


@pytest.mark.slow
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_very_large_pictures_are_reduced(format):
    opened = open_photograph(saved(Image.new("RGB", (9000, 3000), "teal"), format))
    assert max(opened.size) == images.MAX_SIDE
    assert opened.height == 2000


def test_a_strip_that_is_tiny_once_reduced_is_refused():
    with pytest.raises(PhotographError, match="at least"):
        open_photograph(saved(Image.new("RGB", (60000, 40))))


@pytest.mark.parametrize("side", [11_000, 60_000])
def test_too_many_pixels_are_refused_before_they_are_decoded(side):
    """A few bytes that claim to be gigapixels: the header alone is believed."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(PhotographError, match="too large"):
            open_photograph(bomb)


def test_a_text_bomb_in_a_png_is_left_out():
    text = PngImagePlugin.PngInfo()
    text.add_text("bomb", "x" * 20_000_000, zip=True)
    opened = open_photograph(saved(quadrants(), pnginfo=text))
    assert np.array_equal(np.asarray(opened), np.asarray(quadrants()))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("part", [0.3, 0.7])
def test_truncated_files_are_an_error(format, part):
    if (format, part) == ("JPEG", 0.7):
        pytest.skip("opened with a note: test_a_jpeg_that_was_cut")
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), format)
    with pytest.raises(PhotographError):
        open_photograph(data[: int(len(data) * part)])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_flipped_bytes_give_a_picture_or_our_error(format):
    noise = np.random.default_rng(1).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    good = saved(Image.fromarray(noise), format)
    random = np.random.default_rng(2)
    for _ in range(60):
        data = bytearray(good)
        for position in random.integers(0, min(len(data), 400), 4):
            data[position] = random.integers(0, 256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert_bare(open_photograph(bytes(data)))
            except PhotographError as error:
                assert str(error).endswith(".")


@pytest.mark.parametrize(
    "data",
    [
        b"not a picture",
        b"%PDF-1.7 ...",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"P6 40 40 255\n" + bytes(4800),  # PPM: Pillow reads it, this door does not
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n",
        b"\xff\xd8\xff",
    ],
)
def test_what_is_no_accepted_picture_is_refused(data):
    with pytest.raises(PhotographError, match="JPEG, PNG"):
        open_photograph(data)


def test_heic_is_refused_by_name():
    with pytest.raises(PhotographError, match="HEIC"):
        open_photograph(b"\0\0\0\x18ftypheic" + bytes(100))


def test_empty_missing_and_odd_files_are_refused(tmp_path):
    with pytest.raises(PhotographError, match="empty"):
        open_photograph(b"")
    with pytest.raises(PhotographError, match="no file"):
        open_photograph(tmp_path / "missing.jpg")
    with pytest.raises(PhotographError, match="not a file"):
        open_photograph(tmp_path)
    with pytest.raises(PhotographError, match="cannot be read"):
        open_photograph("nul\0byte.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PhotographError, match="not a file"):
        open_photograph(tmp_path / "pipe.jpg")


def test_the_source_picture_is_left_as_it_was():
    source = quadrants().convert("RGBA")
    source.info["comment"] = "mine"
    open_photograph(source).paste((0, 0, 0), (0, 0, 9, 9))
    assert source.mode == "RGBA" and source.info == {"comment": "mine"}
    assert source.getpixel((0, 0)) == (255, 0, 0, 255)


def test_tensor_and_back_is_exact():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = Image.fromarray(np.stack([levels, levels.T, 255 - levels], axis=2))
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 16, 16) and tensor.dtype == torch.float32
    assert tensor.min() == -1 and tensor.max() == 1
    assert np.array_equal(np.asarray(to_image(tensor)), np.asarray(image))
    assert np.array_equal(np.asarray(to_image(tensor[0])), np.asarray(image))


def test_to_image_clamps_and_rounds_to_nearest():
    values = torch.tensor([-3.0, 3.0, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1])
    image = to_image(values.reshape(1, 1, 2, 2).expand(1, 3, 2, 2).requires_grad_())
    assert np.asarray(image)[..., 0].ravel().tolist() == [0, 255, 0, 1]


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 1, 8, 8), (8, 8)])
def test_to_image_takes_one_rgb_picture_only(shape):
    with pytest.raises(ValueError, match="one picture"):
        to_image(torch.zeros(shape))


def _linear_rgb_profile():
    """sRGB's primaries with a straight curve: an ICC 2 profile built by hand."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">I", 0)
    text = b"linear\0"
    parts = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249),
        b"rXYZ": b"XYZ " + bytes(4) + fixed(0.4361, 0.2225, 0.0139),
        b"gXYZ": b"XYZ " + bytes(4) + fixed(0.3851, 0.7169, 0.0971),
        b"bXYZ": b"XYZ " + bytes(4) + fixed(0.1431, 0.0606, 0.7141),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    offset, table, body = 128 + 4 + 12 * len(parts), b"", b""
    for name, data in parts.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    header += bytes(128 - len(header))
    return header + struct.pack(">I", len(parts)) + table + body
