"""What an evaluation has found: the answers photo by photo, and the numbers made from them.

Knows labels, probabilities and what else was said of each photo. Does not know where the answers
come from, nor how they are written down: see ``plain`` and ``report``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight import metrics
from figsight.evaluation.unknowns import UnknownScore, read_promise, share_not
from figsight.metrics.checks import check_groups
from figsight.metrics.estimates import GROUP, effective_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from figsight.calibration import SetScore
    from figsight.classifier import Evidence
    from figsight.dataset import Figure, Photo
    from figsight.errors import PhotoError
    from figsight.evaluation.log import Retested
    from figsight.evaluation.unknowns import LineScore, Strangers
    from figsight.images import InputSpec
    from figsight.metrics import ClassScore, Estimate


class Caveat(str):
    """A note that the numbers are better than the model is: it is said before them.

    Text like any other note, wherever text is wanted; by its type it is told from them.
    """

    __slots__ = ()


@dataclass(frozen=True)
class OperatingScore:
    """How a threshold for one of two figures fared on photos that it was not chosen on.

    Attributes:
        positive: Id of the figure that is looked for.
        stated_sensitivity: The share of its photos that the threshold was chosen to find.
        thresholds: It is called when its probability is this or more; one threshold, or in a
            cross-validation one a fold, chosen on the other folds.
        sensitivity: Share of its photos that are called so.
        specificity: Share of the other figure's photos that are not.
    """

    positive: str
    stated_sensitivity: float
    thresholds: tuple[float, ...]
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True, slots=True)
class Resembling:
    """A photo that looks like a near-duplicate of one that was trained on.

    Attributes:
        path: The photo.
        trained: The training photo, as its set called it.
        score: How well they agree, up to 1: see ``dataset.copies``.
    """

    path: str
    trained: str
    score: float


@dataclass(frozen=True, eq=False)
class Grounds:
    """What spoke for a wrong answer, and what for the right one.

    Attributes:
        chosen: For the answer, with the most similar training photos.
        true_heat: What spoke for the right figure where, float32 [h, w], units of logits.
        input: How the photo was prepared; the maps cover what came of it.
    """

    chosen: Evidence
    true_heat: NDArray[np.float32]
    input: InputSpec


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The answers to N labelled photos; those that were trained on are named in ``trained_on``.

    Attributes:
        protocol: What was measured on what, in words.
        figures: The classes, in the order of the columns.
        photos: The photos, [N]; in a repeated cross-validation each occurs once a repeat, and one
            repeat follows the other.
        labels: Class index of each photo, int64 [N].
        probabilities: float64 [N, K]; rows sum to one.
        groups: Key of each photo's group: copies share one; None when every photo stands alone.
        repeats: How often each photo occurs.
        skipped: Photos that cannot be decoded and were left out.
        notes: What a reader must know to read the numbers rightly, a sentence each; those that are a
            ``Caveat`` before the numbers, the others after them.
        seconds: How long the measuring took.
        positive: Which of two figures is the one that is looked for.
        operating: How the threshold for it fared; None without one.
        strangeness: How strange each photo looks, float64 [N]; None without a rule for unknowns.
        unknown: Whether each was called unknown, bool [N]; None likewise.
        strangers: Photos of none of the figures; None when there were none, or no rule.
        lines: How every line that may be chosen between known and unknown fared, shares rising; empty
            without a rule.
        sets: How the sets of names fared; None without them.
        refused: Why something was not measured, by its name in the JSON.
        trained_on: Paths of photos whose file the model was trained on, byte for byte.
        resembles_trained: Photos that look like near-duplicates of training photos; None when
            nobody could look, because the model carries no thumbnails.
        tested_before: When the same photos were tested with this model or an earlier one of its name,
            oldest first.
        retested: Which of the photos were tested so, if only with others; None when none was.
        grounds: What spoke for mistakes, by their place in ``photos``; not always all of them.
        history: The epochs of training as CSV (run, epoch, loss, accuracy, seconds), or None.
        about: Where the numbers come from: plain values for JSON.
    """

    protocol: str
    figures: tuple[Figure, ...]
    photos: tuple[Photo, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    groups: tuple[str, ...] | None = None
    repeats: int = 1
    skipped: tuple[PhotoError, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    positive: int = 1
    operating: OperatingScore | None = None
    strangeness: NDArray[np.float64] | None = None
    unknown: NDArray[np.bool_] | None = None
    strangers: Strangers | None = None
    lines: tuple[LineScore, ...] = ()
    sets: SetScore | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    trained_on: tuple[str, ...] = ()
    resembles_trained: tuple[Resembling, ...] | None = None
    tested_before: tuple[str, ...] = ()
    retested: Retested | None = None
    grounds: Mapping[int, Grounds] = field(default_factory=dict)
    history: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many photos there are, each counted once however often it was asked about."""
        return len(self.labels) // self.repeats

    @property
    def caveats(self) -> tuple[str, ...]:
        """The notes that are said before the numbers."""
        return tuple(note for note in self.notes if isinstance(note, Caveat))

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes that are said after the numbers."""
        return tuple(note for note in self.notes if not isinstance(note, Caveat))

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class index of each answer, [N]; of equally probable ones the first."""
        answers: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return answers

    @property
    def wrong(self) -> NDArray[np.intp]:
        """The places of the wrong answers, the surest first."""
        places = np.flatnonzero(self.predicted != self.labels)
        return places[np.argsort(-self.probabilities.max(axis=1)[places], kind="stable")]

    @property
    def answered(self) -> tuple[int, int, int] | None:
        """How many photos ``predict`` names rightly, names wrongly, and calls unknown.

        Of several repeats the sums. ``None`` without a rule for unknowns.
        """
        if self.unknown is None:
            return None
        right = self.predicted == self.labels
        return (
            int((right & ~self.unknown).sum()),
            int((~right & ~self.unknown).sum()),
            int(self.unknown.sum()),
        )

    @property
    def correct_each(self) -> list[int]:
        """How many answers of each repeat are right."""
        right = (self.predicted == self.labels).reshape(self.repeats, self.n)
        return [int(count) for count in right.sum(axis=1)]

    @property
    def correct(self) -> int:
        """How many photos are named right; of several repeats the mean, rounded down."""
        return sum(self.correct_each) // self.repeats

    @property
    def tally(self) -> str:
        """How many are right, in words: "264 of 268", of several repeats "791 of 804 answers"."""
        answers = " answers" if self.repeats > 1 else ""
        return f"{sum(self.correct_each)} of {len(self.labels)}{answers}"

    @cached_property
    def scores(self) -> dict[str, Estimate]:
        """Every score that applies, each with its interval: see ``metrics.summarise``.

        With several repeats each is the score of all answers, and the interval that of ``n``
        photos: all answers to one photo are in one group.
        """
        found = metrics.summarise(
            self.labels, self.probabilities, groups=self.groups, positive=self.positive
        )
        return {name: self._counted_once(score) for name, score in found.items()}

    @property
    def accuracy(self) -> Estimate:
        """The share of right answers to all photos; of a test alone it is ``tested.accuracy``."""
        return self.scores["accuracy"]

    @cached_property
    def per_class(self) -> list[ClassScore]:
        """One line a figure; its counts are of answers, ``repeats`` for each photo."""
        return metrics.per_class(
            self.labels, self.probabilities, len(self.figures), groups=self.groups
        )

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How many answers to photos of each figure (row) were each name (column), [K, K]."""
        return metrics.confusion_matrix(self.labels, self.predicted, len(self.figures))

    @cached_property
    def unknown_score(self) -> UnknownScore | None:
        """How well photos of none of the figures were told from the others; None without a rule."""
        if self.strangeness is None or self.unknown is None:
            return None
        kept, promise = share_not(self.unknown, self.groups), read_promise(self.about)
        others = self.strangers
        if others is None or not len(others.photos):
            return UnknownScore(0, kept, None, None, promise)
        return UnknownScore(
            n_unknown=others.n,
            kept=kept,
            auroc=metrics.auroc(
                self.strangeness,
                others.scores,
                known_groups=self.groups,
                unknown_groups=others.groups,
            ),
            accepted=others.measure_accepted(others.unknown, others.at_ends),
            promise=promise,
        )

    @cached_property
    def tested(self) -> Evaluation | None:
        """The answers to photos that are a test: see ``tested.keep_tested``; None without any."""
        from figsight.evaluation.tested import keep_tested  # it needs this module

        return keep_tested(self)

    @property
    def limits(self) -> str | None:
        """A sentence on what the numbers cannot tell because the photos are few; None if little."""
        groups = None if self.groups is None else np.array(self.groups)
        worths = []
        for label in np.unique(self.labels):
            own = self.labels == label
            n = int(own.sum())
            members = None if groups is None else check_groups(groups[own], n)
            worths.append((effective_count(members, n), n // self.repeats))
        worth, smallest = min(worths)
        return metrics.what_it_cannot_tell(
            self.n,
            self.correct,
            seen=self.accuracy,
            smallest_class=smallest,
            smallest_worth=worth,
        )

    @property
    def together(self) -> str | None:
        """A sentence on how many photos count, where some are copies or belong together; else None."""
        n, apart = self.n, len(set(self.groups or ()))
        if self.unit == "shot":
            shots = f"{apart} different shot{'s' * (apart != 1)}"
            return f"{n} photos, {shots}: copies count once in every interval."
        if self.unit == GROUP:
            groups = f"{apart} {GROUP}{'s' * (apart != 1)}"
            return f"{n} photos in {groups}: what belongs together counts once in every interval."
        return None

    @property
    def unit(self) -> str:
        """What counts once: a photo, a shot that has copies, or a group of the source."""
        if self.groups is None or len(set(self.groups)) == self.n:
            return "photo"
        return GROUP if any(photo.group is not None for photo in self.photos) else "shot"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        from figsight.evaluation.plain import describe  # it needs this module

        return describe(self)

    def _counted_once(self, score: Estimate) -> Estimate:
        method = score.method.replace(f"each {GROUP}", f"each {self.unit}")
        method = method.replace(f"over {GROUP}s", f"over {self.unit}s")
        return replace(score, n=score.n // self.repeats, method=method)
