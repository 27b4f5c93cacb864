"""The schema of ``manifest.json``.

Knows what a manifest says and when it contradicts itself. Does not open files: it turns text into a
``Manifest`` and back.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from figsight.bundle.names import (
    MANIFEST,
    OPTIONAL,
    REQUIRED,
    hash_bytes,
    is_thumbnail_name,
    name_thumbnail,
)
from figsight.errors import BundleError
from figsight.images.fitting import MAX_INPUT_SIDE, Fit, Resample

SCHEMA = 1
"""The newest manifest that this figsight reads, and the one that it writes."""

_NO_SEAL = "0" * 64

Count = Annotated[int, Meta(ge=0)]
Size = Annotated[int, Meta(ge=1)]
Side = Annotated[int, Meta(ge=1, le=MAX_INPUT_SIDE)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of a manifest's parts: immutable, and strict about its keys."""


class FigureEntry(Part, frozen=True, kw_only=True):
    """One class.

    Attributes:
        id: What the labels say; unique in the model.
        name: What people call it; may repeat.
        display: ``name`` plus what tells it apart from its namesakes; unique in the model.
        metadata: Anything else that the photos' source says of it.
    """

    id: str
    name: str
    display: str
    metadata: dict[str, str] = {}


class InputEntry(Part, frozen=True, kw_only=True):
    """What the network is fed: uint8 pixels [N, height, width, 3] in sRGB order red, green, blue.

    Attributes:
        width: In pixels.
        height: In pixels.
        fit: How a photo of another shape is brought to this one (see ``figsight.images``).
        resample: The filter that resizes it (see ``figsight.images``).
    """

    width: Side
    height: Side
    fit: Fit
    resample: Resample


class NetworkEntry(Part, frozen=True, kw_only=True):
    """What the network is.

    Attributes:
        backbone: timm's name of the architecture.
        head: The prefix of the head's two parameters in ``network.safetensors`` ("classifier").
        embedding_size: Numbers in one embedding, D.
        features: Shape of the last feature map of one photo, [C, h, w]. C is D, because the
            embedding is the map's mean over h and w.
    """

    backbone: str
    head: str
    embedding_size: Size
    features: tuple[Size, Size, Size]


class UnknownRule(Part, frozen=True, kw_only=True):
    """When a photo counts as none of the figures.

    Attributes:
        score: Name of the score, which is higher for stranger photos.
        threshold: Scores above it are unknown.
        kept: Share of known photos that the threshold was set to keep.
        auroc: Area under the ROC curve of the score, known against left-out figures; ``None`` when
            it was not measured.
        parameters: Numbers that the score needs.
    """

    score: str
    threshold: float
    kept: Share
    auroc: Share | None = None
    parameters: dict[str, float] = {}


class SetRule(Part, frozen=True, kw_only=True):
    """Which names belong to a prediction set.

    Attributes:
        method: Name of the conformal method.
        coverage: Share of photos whose set was meant to hold the right name.
        threshold: The conformal quantile.
        measured: Coverage measured out-of-sample; ``None`` when it was not measured.
        mean_size: Names in a set, on average; ``None`` when it was not measured.
    """

    method: str
    coverage: Share
    threshold: float
    measured: Share | None = None
    mean_size: Annotated[float, Meta(ge=0.0)] | None = None


class Calibration(Part, frozen=True, kw_only=True):
    """What was fitted out-of-sample and is applied to the network's outputs.

    Attributes:
        temperature: Logits are divided by it before the softmax.
        unknown: ``None`` when the model always answers with a figure.
        sets: ``None`` when the model gives no prediction sets.
    """

    temperature: Annotated[float, Meta(gt=0.0)]
    unknown: UnknownRule | None = None
    sets: SetRule | None = None


class Score(Part, frozen=True, kw_only=True):
    """One out-of-sample measurement: by networks that saw neither the photos nor their copies.

    Attributes:
        protocol: What was measured on what, in words.
        photos: How many photos it rests on.
        metric: What was measured ("accuracy").
        value: The measurement, in the metric's own unit.
        low: Lower end of the interval.
        high: Upper end of the interval.
        interval: Which interval, in words ("Wilson 95 %").
        correct: Photos that were right, for a metric that counts them.
    """

    protocol: str
    photos: Size
    metric: str
    value: float
    low: float
    high: float
    interval: str
    correct: Count | None = None


class Skipped(Part, frozen=True, kw_only=True):
    """A photo that was asked for but not trained on.

    Attributes:
        path: As the data set calls it.
        reason: Why it could not be decoded.
    """

    path: str
    reason: str


class Training(Part, frozen=True, kw_only=True):
    """How the network that is delivered came about.

    Attributes:
        recipe: The resolved recipe, every value explicit.
        seed: What randomness started from.
        device: Where it ran ("cpu", "cuda", "mps").
        seconds: How long it took.
        epochs: Passes over the photos.
        photos: How many photos it was trained on.
        skipped: Photos that were left out because they cannot be decoded.
        photos_fingerprint: SHA-256 over the sorted SHA-256 of the photos' files.
        versions: Versions of the libraries that took part, by name.
    """

    recipe: dict[str, Any]
    seed: int
    device: str
    seconds: Annotated[float, Meta(ge=0.0)]
    epochs: Count
    photos: Size
    skipped: list[Skipped]
    photos_fingerprint: Sha256
    versions: dict[str, str]


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
    scores: list[Score] = []
    training: Training
    files: dict[str, Sha256] = {}


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
            field (named by its full path), contradicts itself, or was changed after it was sealed.
    """
    where = f"{where}: {MANIFEST}"
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
    problem = _find_contradiction(manifest)
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


def _find_contradiction(manifest: Manifest) -> str | None:
    """Say what cannot be true of a well-formed manifest; ``None`` when nothing is wrong."""
    if manifest.schema != SCHEMA:
        return f"schema: expected {SCHEMA}, found {manifest.schema}"
    for key in ("id", "display"):
        seen: set[str] = set()
        for index, figure in enumerate(manifest.figures):
            value = getattr(figure, key)
            if value in seen:
                return f"figures[{index}].{key}: expected a unique value, found {value!a} again"
            seen.add(value)
    if manifest.network.features[0] != manifest.network.embedding_size:
        return (
            f"network.features[0]: expected network.embedding_size "
            f"({manifest.network.embedding_size}), found {manifest.network.features[0]}"
        )
    for index, score in enumerate(manifest.scores):
        if not score.low <= score.value <= score.high:
            return f"scores[{index}]: expected low <= value <= high"
        if score.correct is not None and score.correct > score.photos:
            return (
                f"scores[{index}].correct: expected at most {score.photos}, found {score.correct}"
            )
    return _find_bad_list(manifest.files)


def _find_bad_list(files: dict[str, str]) -> str | None:
    """Say what is wrong with the list of files; an empty one is a manifest still to be filled."""
    if not files:
        return None
    for name in sorted(REQUIRED - files.keys()):
        return f"files: expected {name}, found no such entry"
    allowed = REQUIRED | OPTIONAL
    thumbnails = 0
    for name in sorted(files):
        if name in allowed:
            continue
        if not is_thumbnail_name(name):
            return f"files: expected only a model's own files, found {name!a}"
        thumbnails += 1
    for index in range(thumbnails):
        if name_thumbnail(index) not in files:
            return f"files: expected {name_thumbnail(index)}, found no such entry"
    return None


def _make_encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_make_encodable(key): _make_encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_make_encodable(item) for item in value]
    return value
