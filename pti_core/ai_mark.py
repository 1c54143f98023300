"""Pictures as they leave: without any metadata of the photograph, marked as edited with AI."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

#: IPTC's term for a photograph into which a trained model's pixels were put
#: (https://cv.iptc.org/newscodes/digitalsourcetype/).
DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
#: What the visible mark says.
MARK = "Edited with AI"
#: The mark that programs read, an XMP packet.
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
   Iptc4xmpExt:DigitalSourceType="{DIGITAL_SOURCE_TYPE}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def to_png(image: Image.Image) -> bytes:
    """An RGB or RGBA picture as PNG: pixels, colour profile and the mark "edited with AI" only."""
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP)
    info.add_text("Software", "PTI Studio")
    info.add_text("Comment", MARK)
    stream = io.BytesIO()
    # Level 3 takes a third of the default level's time and 8 % more bytes.
    image.save(stream, "PNG", pnginfo=info, compress_level=3)
    return stream.getvalue()


def to_jpeg(image: Image.Image, quality: int = 90, marked: bool = False) -> bytes:
    """An RGB picture as JPEG, without the photograph's metadata; `marked` adds the mark "edited
    with AI", for what leaves the screen."""
    stream = io.BytesIO()
    extra = {"xmp": XMP.encode()} if marked else {}
    image.save(stream, "JPEG", quality=quality, **extra)
    return stream.getvalue()


def marked_file(image: Image.Image, encoding: str, **settings: Any) -> bytes:
    """An RGB or RGBA picture as a file of Pillow's encoding PNG, JPEG or WEBP, with the mark.

    The colour profile of its `info` stays. JPEG has no opacity: it is left out.
    """
    if encoding == "PNG":
        return to_png(image)
    if encoding == "JPEG":
        image = image.convert("RGB")
    if profile := image.info.get("icc_profile"):
        settings["icc_profile"] = profile
    stream = io.BytesIO()
    image.save(stream, encoding, xmp=XMP.encode(), **settings)
    return stream.getvalue()


def xmp_in_gif(data: bytes) -> bytes:
    """A looping GIF file with the mark "edited with AI" (XMP specification, part 3)."""
    place = data.find(b"\x21\xff\x0bNETSCAPE2.0")  # before the first picture, where readers look
    if not data.startswith(b"GIF89a") or place < 0:
        raise ValueError("not a looping GIF89a file")
    # The packet stands in the file as it is; the bytes after it lead a reader that takes its
    # letters for the lengths of blocks to the end, wherever it stands.
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
    block = b"\x21\xff\x0bXMP DataXMP" + XMP.encode() + trailer
    return data[:place] + block + data[place:]


def xmp_in_mp4(data: bytes) -> bytes:
    """An MP4 file with the mark "edited with AI" in a box at its end (as XMP's part 3 has it)."""
    if data[4:8] != b"ftyp":
        raise ValueError("not an MP4 file")
    body = b"uuid" + bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP.encode()
    return data + (len(body) + 4).to_bytes(4, "big") + body


def with_visible_mark(image: Image.Image) -> Image.Image:
    """A copy of an RGB picture that says "Edited with AI" in its lower right corner."""
    marked = image.copy()
    draw = ImageDraw.Draw(marked)
    size = max(min(image.size) // 32, 8)
    font = ImageFont.load_default(size)
    place = (image.width - size // 2, image.height - size // 2)
    # White with a dark edge can be read on any ground.
    edge = max(size // 8, 1)
    draw.text(place, MARK, "white", font, "rs", stroke_width=edge, stroke_fill="#1e293b")
    return marked
