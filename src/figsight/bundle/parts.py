"""The parts of a manifest: small immutable structs with their types and bounds.

Knows what each field means and which values it may take by itself. Does not know whether the fields
of a manifest agree with one another: see ``consistency``.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from figsight.images.fitting import MAX_INPUT_SIDE, Fit, Resample

Count = Annotated[int, Meta(ge=0)]
Size = Annotated[int, Meta(ge=1)]
Side = Annotated[int, Meta(ge=1, le=MAX_INPUT_SIDE)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
# What is fitted lies in 0.05..20; far beyond, logits overflow.
Temperature = Annotated[float, Meta(ge=1e-3, le=1e3)]
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
        style_size: Numbers in one style, S: mean and standard deviation of channels in early
            layers. 0 when the graph gives no styles.
    """

    backbone: str
    head: str
    embedding_size: Size
    features: tuple[Size, Size, Size]
    style_size: Annotated[int, Meta(ge=0)] = 0


class Measured(Part, frozen=True, kw_only=True):
    """An estimate with its interval.

    Attributes:
        value: What was measured.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: How many photos it rests on.
        method: How the interval was made, in words ("Wilson").
    """

    value: float
    low: float
    high: float
    n: Size
    method: str


class UnknownLine(Part, frozen=True, kw_only=True):
    """Another threshold of the unknown score, for another share of known photos kept.

    Attributes:
        kept: Share of known photos that it was set to keep.
        threshold: Scores above it are unknown.
        measured_kept: As in ``UnknownRule``, for this threshold.
        accepted: Likewise.
    """

    kept: Share
    threshold: float
    measured_kept: Measured | None = None
    accepted: Measured | None = None


class UnknownRule(Part, frozen=True, kw_only=True):
    """When a photo counts as none of the figures: when its score is above the threshold.

    The arrays that a score needs are in ``gallery.safetensors``; ``figsight.calibration`` says what
    each score is.

    Attributes:
        score: Name of the deciding score, which is higher for stranger photos.
        parts: Names of the scores that it is made of; itself, unless it is mixed.
        centres: Mean of each part over the known photos, for a part that is a guard the end of its
            silence; empty when there is one part.
        spreads: Standard deviation of each part over them; likewise.
        threshold: Scores above it are unknown.
        k: Which neighbour the part ``knn`` asks for.
        floors: Variance beside the main axes, within the figures and over all; only for the parts
            ``relative_mahalanobis``, ``whitened_cosine`` and ``mean_cosine``.
        power: What embeddings are raised to first, with their sign; likewise. Models that were
            made before there was such a thing take them as they are.
        style_floor: As ``floors``, of styles; only for the part ``style_mahalanobis``.
        kept: Share of known photos that the threshold was set to keep.
        protocol: What was measured on what, in words.
        measured_kept: Share of known photos kept, measured on photos that the threshold was not set
            on; ``None`` when it was not measured.
        auroc: Area under the ROC curve of the score, known photos against those of figures left
            out; ``None`` when it was not measured.
        accepted: Share of photos of figures left out that were taken for known; likewise.
        lines: Other thresholds that may be chosen in place of this one, shares rising.
        candidates: Area under the ROC curve of every score that was tried, by name.
    """

    score: str
    parts: Annotated[list[str], Meta(min_length=1)]
    centres: list[float] = []
    spreads: list[float] = []
    threshold: float
    k: Size = 1
    floors: list[float] = []
    power: float = 1.0
    style_floor: float | None = None
    kept: Share
    protocol: str
    measured_kept: Measured | None = None
    auroc: Measured | None = None
    accepted: Measured | None = None
    lines: list[UnknownLine] = []
    candidates: dict[str, Measured] = {}


class SetRule(Part, frozen=True, kw_only=True):
    """Which names belong to a prediction set.

    Attributes:
        method: Name of the conformal score.
        coverage: Share of photos whose set was meant to hold the right name.
        threshold: Names that score this or less are in the set.
        n: How many photos the threshold was set on.
        measured: Coverage, measured on photos that the threshold was not set on; ``None`` when it
            was not measured.
        mean_size: Names in a set, on average; likewise.
    """

    method: str
    coverage: Share
    threshold: float
    n: Size
    measured: Measured | None = None
    mean_size: Measured | None = None


class OperatingPoint(Part, frozen=True, kw_only=True):
    """From which probability on one of two figures is to be called; only for two figures.

    Attributes:
        positive: Id of the figure that is looked for ("PNEUMONIA").
        stated_sensitivity: Share of the photos of that figure that the threshold is to find.
        threshold: It is called when its probability is this or more.
        sensitivity: Share of its photos that are called so, measured out-of-sample; ``None`` when
            it was not measured.
        specificity: Share of the other figure's photos that are not; likewise.
    """

    positive: str
    stated_sensitivity: Share
    threshold: Share
    sensitivity: Measured | None = None
    specificity: Measured | None = None


class Calibration(Part, frozen=True, kw_only=True):
    """What was fitted out-of-sample and is applied to the network's outputs.

    Attributes:
        temperature: Logits are divided by it before the softmax.
        unknown: ``None`` when the model always answers with a figure.
        sets: ``None`` when the model gives no prediction sets.
        positive: Id of the figure that is looked for, of two ("melanoma"); the scores are about it. It
            stays when there is no threshold for it. ``None`` for more figures, and in older models.
        operating_point: ``None`` when the more probable figure is the answer.
        refused: Why there is no such rule, by the name of the field.
    """

    temperature: Temperature
    unknown: UnknownRule | None = None
    sets: SetRule | None = None
    positive: str | None = None
    operating_point: OperatingPoint | None = None
    refused: dict[str, str] = {}


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
        skipped: Photos that were left out, each with the reason: it cannot be decoded, or it is a
            copy of one that the set keeps aside.
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
