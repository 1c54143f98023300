"""Pictures as they leave: without any metadata of the photograph, marked as edited with AI."""

from __future__ import annotations

import io

from PIL import Image
from PIL.PngImagePlugin import PngInfo

#: IPTC's term for a photograph into which a trained model's pixels were put
#: (https://cv.iptc.org/newscodes/digitalsourcetype/).
DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
   Iptc4xmpExt:DigitalSourceType="{DIGITAL_SOURCE_TYPE}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def to_png(image: Image.Image) -> bytes:
    """An RGB picture as PNG, with nothing in it but the pixels and the mark "edited with AI"."""
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", _XMP)
    info.add_text("Software", "PTI Studio")
    info.add_text("Comment", "Edited with AI")
    stream = io.BytesIO()
    # Level 3 takes a third of the default level's time and 8 % more bytes.
    image.save(stream, "PNG", pnginfo=info, compress_level=3)
    return stream.getvalue()


def to_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """An RGB picture as JPEG for the screen, without metadata."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
