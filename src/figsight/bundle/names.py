"""Which files a bundle may hold, how large they may be, and how they are hashed.

Knows names. Does not know what the files say.
"""

from __future__ import annotations

import hashlib
import re

MANIFEST = "manifest.json"
MODEL = "model.onnx"
GALLERY = "gallery.safetensors"
NETWORK = "network.safetensors"
CARD = "README.md"
HISTORY = "history.csv"
CURVES = "curves.png"
THUMBNAILS = "thumbnails"

REQUIRED = frozenset({MODEL, GALLERY, NETWORK, CARD})
OPTIONAL = frozenset({HISTORY, CURVES})
# Written after the model. Never read when a model is opened.
UNLISTED = frozenset({"evaluations.jsonl"})

_MIB = 2**20
_LIMITS = {
    MODEL: 2048 * _MIB,  # protobuf's own limit
    GALLERY: 4096 * _MIB,
    NETWORK: 4096 * _MIB,
}
_THUMBNAIL = re.compile(rf"{THUMBNAILS}/[0-9]{{6,}}\.jpg")


def name_thumbnail(index: int) -> str:
    """Return the file name of the thumbnail of training photo ``index``."""
    return f"{THUMBNAILS}/{index:06d}.jpg"


def is_thumbnail_name(name: str) -> bool:
    """Say whether this could be the name of a thumbnail."""
    return _THUMBNAIL.fullmatch(name) is not None


def is_bundle_name(name: str) -> bool:
    """Say whether a file of this name may be in a bundle, the manifest included."""
    return name in {MANIFEST} | REQUIRED | OPTIONAL | UNLISTED or is_thumbnail_name(name)


def limit_size(name: str) -> int:
    """Return how many bytes the file of this name may have at most."""
    return _LIMITS.get(name, 64 * _MIB)


def hash_bytes(data: bytes) -> str:
    """Return the SHA-256 of ``data`` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
