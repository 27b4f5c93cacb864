"""Labels that look wrong: joins the extra ``train`` with confident learning, where it is installed.

Knows when labels can be judged. Knows neither networks nor the formula.
"""

from __future__ import annotations

from collections import defaultdict
from importlib import util
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from figsight.audit.lookalikes import MOST_LOOKALIKES, find_lookalikes
from figsight.audit.results import CHECKED_FROM, SuspectLabel
from figsight.dataset.suspects import find_suspects
from figsight.errors import WeightsError
from figsight.phrases import count
from figsight.training.entry import load_with_torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from figsight.dataset.model import Dataset, Photo
    from figsight.dataset.suspects import Suspicions
    from figsight.rows import Rows, RowsLike

SAMPLED = 300  # photos that are asked whether mirrored ones show another class
ROUNDS = 2  # the last one learns from no label that the one before found suspect
_NOT_LOOKED = "suspect labels were not looked for"


class Embedder(Protocol):
    """Turns photos into numbers, one after another; see ``training.features``."""

    def fit(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what ``add`` takes of a photo, uint8 [H, W, 3]; in any thread."""

    def add(self, fitted: NDArray[np.uint8]) -> None:
        """Take a photo."""

    def finish(self) -> Rows[np.float16]:
        """Hand out a row a photo, float16 [N, D]; who asks for them closes them."""

    def find_mirror_images(
        self, fitted: NDArray[np.uint8], labels: NDArray[np.intp]
    ) -> list[tuple[int, int]]:
        """Return the labels that become each other when photos are mirrored."""

    def close(self) -> None:
        """Let go of what was not handed out."""


class FewOfEach:
    """A few photos of each class, as they were fitted for the network."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._each = SAMPLED // max(1, len(dataset.figures))
        self._photos: defaultdict[int, list[NDArray[np.uint8]]] = defaultdict(list)

    def add(self, fitted: NDArray[np.uint8], figure_id: str) -> None:
        """Take a photo, if there are not enough of its class."""
        photos = self._photos[self._dataset.index_of[figure_id]]
        if len(photos) < self._each:
            photos.append(fitted)

    def find_mirror_images(self, embedder: Embedder) -> list[frozenset[str]]:
        """Return the ids of classes that become each other when photos are mirrored.

        Of more than a hundred classes there are too few photos each to say.
        """
        labels = [label for label, photos in self._photos.items() for _ in photos]
        if self._each < 3 or len(self._photos) < 2:
            return []
        fitted = np.stack([photo for photos in self._photos.values() for photo in photos])
        found = embedder.find_mirror_images(fitted, np.array(labels, np.intp))
        return [frozenset(self._dataset.figures[label].id for label in pair) for pair in found]


def load_embedder(dataset: Dataset, notes: list[str]) -> Embedder | None:
    """Return what embeds photos; ``None``, with a note, where it is missing or of no use."""
    if len({photo.figure_id for photo in dataset.photos}) < 2:
        notes.append(f"{_NOT_LOOKED}: they need photos of two figures at least")
        return None
    if any(util.find_spec(name) is None for name in ("torch", "timm")):
        notes.append(f"{_NOT_LOOKED}: they need an optional part: pip install 'figsight[train]'")
        return None
    try:
        features = _features()
        effort = features.choose_effort(len(dataset.photos))
        return cast("Embedder", features.Embedder(effort))
    except WeightsError as error:
        notes.append(f"{_NOT_LOOKED}: {error}")
        return None


def _features() -> Any:
    return load_with_torch("figsight.training.features")


def rank_labels(
    dataset: Dataset,
    photos: Sequence[Photo],
    groups: Sequence[str],
    embeddings: RowsLike[np.float16],
    notes: list[str],
    alike: Iterable[frozenset[str]] = (),
) -> tuple[SuspectLabel, ...]:
    """Rank the labels of photos, the most suspect first.

    Args:
        dataset: The set, for its figures.
        photos: Readable photos; those without a label are passed over.
        groups: What each of ``photos`` must stay together with.
        embeddings: float16 [N, D], a row for each *labelled* one of ``photos``, in their order.
        notes: Is told what could not be judged.
        alike: Ids of two figures each that the embeddings do not tell apart: each other's mirror images.
            A photo of one is not suspected to be of the other.
    """
    chosen = [i for i, photo in enumerate(photos) if photo.figure_id is not None]
    labels = [dataset.index_of[photos[i].figure_id or ""] for i in chosen]
    together = [groups[i] for i in chosen]
    shots: defaultdict[int, set[str]] = defaultdict(set)
    for label, group in zip(labels, together, strict=True):
        shots[label].add(group)
    if sum(len(groups) > 1 for groups in shots.values()) < 2:
        notes.append(
            f"{_NOT_LOOKED}: they need two figures at least that have two photos each which are "
            f"not copies"
        )
        return ()
    pairs = sorted(sorted(dataset.index_of[figure] for figure in pair) for pair in alike)
    found, judged = _judge(embeddings, labels, together, len(dataset.figures), pairs)
    _note_unjudged(dataset, pairs, int((~judged).sum()), notes)
    given = np.array(labels)
    shown = found.suspect | (found.score >= CHECKED_FROM)
    worst = [int(i) for i in found.order if shown[i]][:MOST_LOOKALIKES]
    beside = find_lookalikes(embeddings, given, found.likely, ~found.suspect, worst)
    return tuple(
        SuspectLabel(
            photo=photos[chosen[i]],
            given=dataset.figures[labels[i]],
            likely=dataset.figures[int(found.likely[i])],
            score=float(found.score[i]),
            suspect=bool(found.suspect[i]),
            beside=photos[chosen[beside[i]]] if i in beside else None,
        )
        for i in found.order.tolist()
    )


def _judge(
    embeddings: RowsLike[np.float16],
    labels: Sequence[int],
    groups: Sequence[str],
    classes: int,
    pairs: Sequence[Sequence[int]],
) -> tuple[Suspicions, NDArray[np.bool_]]:
    """Return how suspect each label is, and which could be judged, bool [N].

    Twice: what the first round finds suspect, the second does not learn from, so that a wrong label
    does not speak for itself through its neighbours.

    Args:
        embeddings: [N, D].
        labels: 0..K-1, [N].
        groups: What each photo must stay together with, [N].
        classes: K.
        pairs: Labels of two figures each that the embeddings do not tell apart.
    """
    predict_unseen = _features().predict_unseen
    given = np.array(labels)
    trusted = np.ones(len(labels), np.bool_)
    shrinkage = None
    for _ in range(ROUNDS):
        unseen = predict_unseen(
            embeddings, labels, groups, classes, trusted=trusted, shrinkage=shrinkage
        )
        shrinkage = unseen.shrinkage
        for pair in pairs:
            for own, other in (pair, pair[::-1]):
                rows = given == own
                unseen.probabilities[rows, own] += unseen.probabilities[rows, other]
                unseen.probabilities[rows, other] = 0
        found = find_suspects(unseen.probabilities, labels, unseen.judged)
        suspects = np.bincount(given, found.suspect, classes)
        shares = suspects / np.maximum(np.bincount(given, minlength=classes), 1)
        # A class of which most are suspect is hard to tell, rather than mislabelled: without these
        # it would be left with too few to learn from.
        trusted = ~found.suspect | (shares[given] > 0.5)
    return found, unseen.judged


def _note_unjudged(
    dataset: Dataset, pairs: Sequence[Sequence[int]], alone: int, notes: list[str]
) -> None:
    """Say which labels were not judged: of mirror images, and of so many photos that are alone."""
    if pairs:
        several = [" and ".join(dataset.figures[i].display for i in pair) for pair in pairs]
        more = f"; and {len(pairs) - 3} more" if len(pairs) > 3 else ""
        notes.append(
            f"each other's mirror images ({'; '.join(several[:3])}{more}): which of two such figures a "
            "photo shows was not judged"
        )
    if alone:
        labels = count(alone, "label was", "labels were")
        figures = "its figure has" if alone == 1 else "their figures have"
        notes.append(f"{labels} not judged: {figures} no other photo to compare with")
