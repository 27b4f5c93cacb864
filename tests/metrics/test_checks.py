"""The gate: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from figsight.metrics import accuracy, confusion_matrix, top_k_accuracy, wilson
from figsight.metrics.checks import check_groups

GOOD = [[0.9, 0.1], [0.2, 0.8]]


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        (
            [[0, 1]],
            GOOD,
            (
                "labels: expected one class index a photo, shape [N] with N >= 1, found shape "
                "[1, 2]; pass one whole number for each photo"
            ),
        ),
        (
            [0.0, 1.0],
            GOOD,
            "labels: expected whole numbers, found float64; pass class indices, not names",
        ),
        (
            [0, 2],
            GOOD,
            (
                "labels: expected 0..1, found 2 at position 1; "
                "use the order of the classes that the probabilities have"
            ),
        ),
        (
            [-1, 0],
            GOOD,
            (
                "labels: expected 0..1, found -1 at position 0; "
                "use the order of the classes that the probabilities have"
            ),
        ),
        (
            [0],
            GOOD,
            "probabilities: expected 1 rows, one a label, found 2; pass both for the same photos",
        ),
        (
            [0, 1],
            [0.9, 0.1],
            (
                "probabilities: expected a row a photo, shape [N, K], found shape [2]; "
                "stack the rows of all photos"
            ),
        ),
        (
            [0, 0],
            [[1.0], [1.0]],
            "probabilities: expected at least 2 columns, found 1; give each class a column",
        ),
        (
            [0, 1],
            [[0.9, 0.1], [0.2, 0.9]],
            "probabilities: expected rows that sum to 1, found 1.1 in row 1; apply softmax first",
        ),
        (
            [0, 1],
            [[0.9, 0.1], [-2.0, 3.0]],
            "probabilities: expected numbers from 0 to 1, found -2; apply softmax first",
        ),
        (
            [0, 1],
            [[0.9, 0.1], [np.nan, 1.0]],
            (
                "probabilities: expected finite numbers, found nan at [1, 0]; "
                "look for a division by zero or a photo that was not measured"
            ),
        ),
    ],
)
def test_pair__says_what_is_wrong(labels: Any, probabilities: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        accuracy(labels, probabilities)
    assert str(caught.value) == message


def test_pair__takes_float32_rows_that_nearly_sum_to_one() -> None:
    p = np.array(GOOD, dtype=np.float32)
    p[0, 0] += 5e-5
    assert accuracy([0, 1], p).value == 1


def test_groups__alone_are_none_and_names_are_numbered() -> None:
    assert check_groups(None, 3) is None
    assert check_groups(["a", "b", "c"], 3) is None
    numbered = check_groups(["b", "a", "b"], 3)
    assert numbered is not None
    assert numbered.tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match=r"groups: expected 3 values, one a photo, found shape"):
        check_groups([1, 2], 3)


def test_arguments__out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"k: expected 1\.\.1 for 2 classes, found 3; among all"):
        top_k_accuracy([0, 1], GOOD, 3)
    with pytest.raises(ValueError, match="level: expected a share between 0 and 1, found 95; "):
        accuracy([0, 1], GOOD, level=95)
    with pytest.raises(ValueError, match="n: expected at least 1 photo, found 0; there is nothing"):
        wilson(0, 0)
    with pytest.raises(ValueError, match=r"correct: expected 0\.\.3, found 4; count the photos"):
        wilson(4, 3)
    with pytest.raises(ValueError, match="predicted: expected 2 numbers, one a label, found 1; "):
        confusion_matrix([0, 1], [0], 2)
    with pytest.raises(ValueError, match="n_classes: expected at least 2, found 1; "):
        confusion_matrix([0], [0], 1)
