"""The rules of a model, applied to what its network gives: known or unknown, and sets of names.

Knows which rules a bundle has. The rules themselves, and what they promise, are those of
``figsight.calibration``; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from figsight.bundle import build_detector, build_sets
from figsight.calibration.names import KNN, SPREADS, STYLE_SCORE
from figsight.classifier.results import Sought
from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from figsight.bundle import Calibration
    from figsight.calibration import UnknownDetector
    from figsight.classifier.memory import Memory
    from figsight.classifier.results import Outputs, Ranked


class Rules:
    """What was fitted out-of-sample for one network, ready to be applied to it.

    Raises:
        BundleError: A rule is none that this figsight has, or its arrays are damaged.
    """

    def __init__(
        self, calibration: Calibration | None, remember: Callable[[], Memory], *, where: str
    ) -> None:
        """Build the rules that there are.

        Args:
            calibration: Of the manifest.
            remember: Gives the training photos; called only when a rule needs them.
            where: What the rules are called in messages.
        """
        unknown = calibration.unknown if calibration else None
        sets = calibration.sets if calibration else None
        self._point = calibration.operating_point if calibration else None
        self._memory: Memory | None = None
        self._where = where
        self._detector = None
        if unknown is not None:
            arrays, known = {}, np.empty((0, 0), np.float32)
            if not (SPREADS | {KNN, STYLE_SCORE}).isdisjoint(unknown.parts):
                memory = remember()
                arrays, known = dict(memory.unknown), memory.embeddings[: unknown.k]
                self._memory = memory if KNN in unknown.parts else None
            self._detector = build_detector(unknown, arrays, known, where=where)
        self._sets = build_sets(sets, where=where) if sets is not None else None

    def score_unknown(self, outputs: Outputs) -> NDArray[np.float64] | None:
        """Return how strange each of N photos is, [N]; ``None`` without a rule.

        Raises:
            BundleError: The rule gives something that is no number.
        """
        detector = self._detector
        logits, embedding, style = outputs.logits, outputs.embedding, outputs.style
        if detector is None:
            return None
        # Each photo by itself: its number then cannot depend on its neighbours in a list.
        scores = np.empty(len(logits))
        for i in range(len(logits)):
            one, here = self._narrow(detector, embedding[i]), slice(i, i + 1)
            seen = None if style is None else style[here]
            with np.errstate(all="ignore"):  # what comes of it is looked at below
                try:
                    scores[i] = one.score(logits[here], embedding[here], seen)[0]
                except ValueError as error:  # a part of it that is no number
                    raise self._refuse() from error
        if not np.isfinite(scores).all():
            raise self._refuse()
        return scores

    def _refuse(self) -> BundleError:
        return BundleError(
            f"{self._where}: calibration.unknown: expected a rule that gives numbers, found one "
            "that does not: train the model again"
        )

    def is_unknown(self, score: float) -> bool | None:
        """Say whether a photo of this score is of none of the figures; ``None`` without a rule."""
        if self._detector is None:
            return None
        return bool(self._detector.is_unknown(np.array([score]))[0])

    def choose_sets(self, probabilities: NDArray[np.float64]) -> NDArray[np.bool_] | None:
        """Return which figures are in the set of each photo, [N, K]; ``None`` without a rule.

        Args:
            probabilities: After the temperature, [N, K].

        Returns:
            At least one figure a photo, the most probable.
        """
        return None if self._sets is None else self._sets.apply(probabilities, never_empty=True)

    def look_for(self, top: Sequence[Ranked]) -> Sought | None:
        """Return the figure that is to be found, with its probability; ``None`` without a rule."""
        point = self._point
        if point is None:
            return None
        one = next(one for one in top if one.class_id == point.positive)
        return Sought(one.class_id, one.name, one.probability, point.threshold)

    def _narrow(self, detector: UnknownDetector, embedding: NDArray[np.float32]) -> UnknownDetector:
        """Return the detector with the part of its gallery that matters to one photo, [D]."""
        if self._memory is None:
            return detector
        # It asks for the k-th nearest photo. Among the few that can be that, it is the same one,
        # and 30,000 others need not be weighed again in float64.
        rows = self._memory.find_candidates(embedding, detector.scorer.k)
        scorer = replace(detector.scorer, gallery=self._memory.embeddings[rows])
        return replace(detector, scorer=scorer)
