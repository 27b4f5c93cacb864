"""The arrays of a bundle: the gallery of training photos with the head, and the trained weights.

Knows their names, types and shapes inside safetensors files. Does not know how they were made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from figsight.calibration.names import GAUSSIANS, KNN, SPREADS, STYLE_SCORE
from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from figsight.bundle.manifest import Manifest

_Form: TypeAlias = "tuple[tuple[type, ...], tuple[int | None, ...]]"  # types, shape
_UNKNOWN = "unknown."  # before the names of the arrays that only the rule for unknowns needs


@dataclass(frozen=True, eq=False)
class Gallery:
    """What the model remembers of its N training photos, and its head for K figures.

    Attributes:
        embeddings: Of each photo, unaugmented, by the delivered network: float16 or float32 [N, D].
        labels: Class index of each photo: int32 [N].
        sha256: Of each photo's file: uint8 [N, 32].
        paths: What each photo was called in its set: N texts.
        head_weight: float32 [K, D]. Row c times the features is the class activation map of c.
        head_bias: float32 [K].
        unknown: What the rule for unknown photos needs beside the embeddings, float32, by the names
            of ``figsight.calibration.UnknownDetector.arrays``; empty for most rules.
    """

    embeddings: NDArray[np.float16] | NDArray[np.float32]
    labels: NDArray[np.int32]
    sha256: NDArray[np.uint8]
    paths: tuple[str, ...]
    head_weight: NDArray[np.float32]
    head_bias: NDArray[np.float32]
    unknown: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)


def pack_gallery(gallery: Gallery) -> bytes:
    """Return the bytes of ``gallery.safetensors``; the same gallery gives the same bytes."""
    # As a tensor and not as safetensors metadata, whose text cannot hold every file name that an
    # operating system allows; JSON escapes those.
    paths = json.dumps(list(gallery.paths)).encode()
    return pack_arrays(
        {
            "embeddings": gallery.embeddings,
            "labels": gallery.labels,
            "sha256": gallery.sha256,
            "paths": np.frombuffer(paths, np.uint8),
            "head_weight": gallery.head_weight,
            "head_bias": gallery.head_bias,
            **{f"{_UNKNOWN}{name}": array for name, array in gallery.unknown.items()},
        }
    )


def unpack_gallery(data: bytes, manifest: Manifest, *, where: str) -> Gallery:
    """Read a gallery and hold it against the manifest.

    Args:
        data: The bytes of ``gallery.safetensors``.
        manifest: What the bundle says of its figures and embeddings.
        where: What the file is called in messages.

    Raises:
        BundleError: The file is damaged, or an array is missing, of another type or shape, not
            finite, or out of range.
    """
    arrays = unpack_arrays(data, where=where)
    K, D = len(manifest.figures), manifest.network.embedding_size
    N = len(arrays["labels"]) if np.ndim(arrays.get("labels", 0)) else 0
    forms: dict[str, _Form] = {
        "embeddings": ((np.float16, np.float32), (N, D)),
        "labels": ((np.int32,), (N,)),
        "sha256": ((np.uint8,), (N, 32)),
        "paths": ((np.uint8,), (None,)),
        "head_weight": ((np.float32,), (K, D)),
        "head_bias": ((np.float32,), (K,)),
        **_list_unknown(arrays, manifest),
    }
    if arrays.keys() != forms.keys():
        raise BundleError(
            f"{where}: expected the arrays {', '.join(sorted(forms))}, found "
            f"{ascii(', '.join(sorted(arrays)))[:200]}: train the model again"
        )
    for name, (types, shape) in forms.items():
        problem = _find_mismatch(arrays[name], types, shape)
        if problem is not None:
            raise BundleError(f"{where}: {name}: {problem}: train the model again")
    labels = arrays["labels"]
    if N and not 0 <= labels.min() <= labels.max() < K:
        raise BundleError(f"{where}: labels: expected 0 to {K - 1}: train the model again")
    rule = manifest.calibration.unknown if manifest.calibration else None
    if rule is not None and KNN in rule.parts and rule.k > N:
        raise BundleError(
            f"{where}: embeddings: expected at least {rule.k} for the nearest neighbour number "
            f"{rule.k}, found {N}: train the model again"
        )
    return Gallery(
        embeddings=arrays["embeddings"],
        labels=labels,
        sha256=arrays["sha256"],
        paths=_read_paths(arrays["paths"].tobytes(), N, where),
        head_weight=arrays["head_weight"],
        head_bias=arrays["head_bias"],
        unknown={
            name.removeprefix(_UNKNOWN): array
            for name, array in arrays.items()
            if name.startswith(_UNKNOWN)
        },
    )


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of a safetensors file; the same arrays give the same bytes."""
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def unpack_arrays(data: bytes, *, where: str) -> dict[str, NDArray[Any]]:
    """Read a safetensors file.

    Raises:
        BundleError: The bytes are no safetensors file (a pickle is named as such), or hold a type
            that numpy does not have.
    """
    if looks_like_pickle(data):
        raise BundleError(
            f"{where}: expected safetensors, found a pickle, which can run code when it is opened: "
            "train the model again"
        )
    try:
        return load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{where}: expected safetensors, found something else ({error}): copy the model again"
        ) from None


def looks_like_pickle(data: bytes) -> bool:
    """Say whether bytes begin as a pickle does, or as the zip that ``torch.save`` wraps one in."""
    is_protocol = len(data) > 1 and data[0] == 0x80 and 2 <= data[1] <= 5
    return is_protocol or data[:4] == b"PK\x03\x04"


def _list_unknown(arrays: Mapping[str, NDArray[Any]], manifest: Manifest) -> dict[str, _Form]:
    """Return the form of each array that the rule for unknown photos needs."""
    rule = manifest.calibration.unknown if manifest.calibration else None
    forms: dict[str, _Form] = {}
    if rule is not None and not SPREADS.isdisjoint(rule.parts):
        D = manifest.network.embedding_size
        for name in (f"{_UNKNOWN}{gaussian}" for gaussian in GAUSSIANS):
            axes = np.shape(arrays.get(f"{name}_variance", ()))[:1]
            forms[f"{name}_means"] = ((np.float32,), (None, D))
            forms[f"{name}_basis"] = ((np.float32,), (*(axes or (None,)), D))
            forms[f"{name}_variance"] = ((np.float32,), (None,))
    if rule is not None and STYLE_SCORE in rule.parts:
        S = manifest.network.style_size
        axes = np.shape(arrays.get(f"{_UNKNOWN}style_variance", ()))[:1]
        forms[f"{_UNKNOWN}style_centre"] = ((np.float32,), (S,))
        forms[f"{_UNKNOWN}style_scale"] = ((np.float32,), (S,))
        forms[f"{_UNKNOWN}style_basis"] = ((np.float32,), (*(axes or (None,)), S))
        forms[f"{_UNKNOWN}style_variance"] = ((np.float32,), (None,))
    return forms


def _find_mismatch(
    array: NDArray[Any], types: tuple[type, ...], shape: tuple[int | None, ...]
) -> str | None:
    if array.dtype.type not in types:
        return f"expected {' or '.join(kind.__name__ for kind in types)}, found {array.dtype}"
    fits = array.ndim == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        return f"expected shape [{wanted}], found {list(array.shape)}"
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return "expected finite numbers, found others"
    return None


def _read_paths(text: bytes, count: int, where: str) -> tuple[str, ...]:
    """Read the names of the photos, once their text is known to be a list of so many texts.

    Anything else of that length could take thirty times as much memory, once it is read.
    """
    plain = text.replace(b"\\\\", b"")  # where no backslash is itself escaped, those left escape
    marks = plain.count(b'"') - plain.count(b'\\"')
    paths: Sequence[str] | None = None
    try:
        if marks == 2 * count:
            # msgspec stops at what is no text; json alone reads the halves of surrogate pairs.
            msgspec.json.decode(plain.replace(b"\\u", b"u"), type=list[str])
            paths = json.loads(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        paths = None
    if paths is None or len(paths) != count:
        raise BundleError(f"{where}: paths: expected {count} texts as JSON: train the model again")
    return tuple(paths)
