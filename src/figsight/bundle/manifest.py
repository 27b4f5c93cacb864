"""``manifest.json``: its text read strictly, and written with a seal.

Knows JSON, the seal and the versions of the schema. Does not open files: it turns text into a
``Manifest`` and back. What its parts hold is in ``parts``, when they agree in ``consistency``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from figsight.bundle.consistency import find_contradiction
from figsight.bundle.names import MANIFEST, hash_bytes
from figsight.bundle.parts import (
    Calibration,
    FigureEntry,
    InputEntry,
    Instant,
    NetworkEntry,
    Part,
    Score,
    Sha256,
    Training,
)
from figsight.errors import BundleError

SCHEMA = 1
"""The newest manifest that this figsight reads, and the one that it writes."""

MAX_VALUES = 1_000_000
"""What a manifest may hold: one for each file of the model, and a few hundred besides."""

_NO_SEAL = "0" * 64


class Manifest(Part, frozen=True, kw_only=True):
    """Everything about a model that is not weights or pictures.

    Attributes:
        schema: Version of this form.
        seal: SHA-256 of the manifest's own bytes with this value as 64 zeros. It finds damage; it
            does not prove who wrote the model. Filled when the manifest is written.
        created: When, in UTC: ``2025-01-31T12:00:00Z``.
        figsight: Version of the figsight that wrote it.
        figures: The classes, in the order of the network's logits.
        input: What the network is fed.
        network: What the network is.
        calibration: ``None`` when probabilities are the plain softmax.
        scores: Out-of-sample measurements.
        training: How the delivered network came about.
        files: SHA-256 of every other file, by name. Filled when the bundle is written.
    """

    schema: int = SCHEMA
    seal: Sha256 = _NO_SEAL
    created: Instant
    figsight: str
    figures: Annotated[list[FigureEntry], Meta(min_length=1)]
    input: InputEntry
    network: NetworkEntry
    calibration: Calibration | None = None
    scores: list[Score] = msgspec.field(default_factory=list)
    training: Training
    files: dict[str, Sha256] = msgspec.field(default_factory=dict)


class _Version(msgspec.Struct):
    schema: int


def encode_manifest(manifest: Manifest) -> bytes:
    """Write a manifest as JSON: indented, keys in a fixed order, sealed.

    Lone surrogates (from file names that are no UTF-8) are written out as a backslash and their
    number, because JSON text cannot hold them.

    Args:
        manifest: Its ``seal`` is replaced.

    Returns:
        UTF-8 text that ends with a newline. The same manifest gives the same bytes.

    Raises:
        BundleError: The manifest contradicts itself, or holds a number that JSON cannot.
    """
    unsealed = msgspec.structs.replace(manifest, seal=_NO_SEAL)
    # Sorts dictionaries by key and leaves the fields of structs in the order of their definition,
    # so that the seal stands before any text that could look like one.
    plain = _make_encodable(msgspec.to_builtins(unsealed, order="deterministic"))
    text = msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"
    sealed = text.replace(_NO_SEAL.encode(), hash_bytes(text).encode(), 1)
    parse_manifest(sealed, where="the new model")
    return sealed


def parse_manifest(text: bytes, *, where: str) -> Manifest:
    """Read a manifest strictly.

    Args:
        text: The bytes of ``manifest.json``.
        where: What the model is called in messages.

    Raises:
        BundleError: The text is no JSON, was written by a newer figsight, has an unknown or missing
            field (named by its full path), contradicts itself, was changed after it was sealed, or
            has more than ``MAX_VALUES``.
    """
    where = f"{where}: {MANIFEST}"
    # Before it is read: an empty list is two bytes of text, and sixty of memory.
    if text.count(b",") > MAX_VALUES:
        raise BundleError(
            f"{where}: expected at most {MAX_VALUES:,} values, found more: copy the model again"
        )
    try:
        version = msgspec.json.decode(text, type=_Version).schema
    except msgspec.ValidationError as error:
        raise BundleError(
            f"{where}: expected a manifest with a schema number, found {_explain(error)}: "
            "this is not a figsight model"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(
            f"{where}: expected JSON, found something else ({error}): copy the model again"
        ) from None
    if version > SCHEMA:
        raise BundleError(
            f"{where}: written by a newer figsight (schema {version}, this one reads up to "
            f"{SCHEMA}): upgrade figsight"
        )
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.ValidationError as error:
        raise BundleError(f"{where}: {_explain(error)}: copy or train the model again") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(
            f"{where}: expected JSON, found something else ({error}): copy the model again"
        ) from None
    problem = find_contradiction(manifest)
    if manifest.schema != SCHEMA:
        problem = f"schema: expected {SCHEMA}, found {manifest.schema}"
    if problem is not None:
        raise BundleError(f"{where}: {problem}: train the model again")
    unsealed = text.replace(manifest.seal.encode(), _NO_SEAL.encode(), 1)
    if hash_bytes(unsealed) != manifest.seal:
        raise BundleError(
            f"{where}: expected the SHA-256 in its field seal, found another: it was changed after "
            "it was written; copy the model again"
        )
    return manifest


def _explain(error: msgspec.ValidationError) -> str:
    """Turn msgspec's message into ours: the full path of the field first."""
    what, _, path = str(error).rpartition(" - at `$")
    if not what:
        what, path = path, ""
    path = path.rstrip("`").removeprefix(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL)
    if unknown:
        return f"unknown field {'.'.join(filter(None, (path, unknown[1])))!a}"
    return f"{path}: {what}" if path else what


def _make_encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_make_encodable(key): _make_encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_make_encodable(item) for item in value]
    return value
