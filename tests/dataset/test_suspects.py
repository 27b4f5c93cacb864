from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.dataset import suspects
from figsight.dataset.suspects import find_suspects


def predictions(labels: np.ndarray, classes: int, seed: int = 0, sure: float = 3.0) -> np.ndarray:
    """Probabilities that mostly agree with the labels: [N, K]."""
    logits = np.random.default_rng(seed).normal(0, 1, (len(labels), classes))
    logits[np.arange(len(labels)), labels] += sure
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_find_suspects__follows_the_definition_by_hand() -> None:
    p = [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]]
    found = find_suspects(p, [0, 0, 0, 1, 1])
    # Thresholds: (0.9 + 0.7 + 0.2) / 3 = 0.6 and (0.6 + 0.9) / 2 = 0.75.
    assert found.counted.tolist() == [0, 0, 1, -1, 1]  # the fourth photo reaches neither
    assert found.suspect.tolist() == [False, False, True, False, False]
    assert found.likely.tolist() == [0, 0, 1, 1, 1]
    np.testing.assert_allclose(found.score, [0.1, 0.3, 0.8, 0.4, 0.1])
    assert found.order.tolist() == [2, 3, 1, 0, 4]


def test_find_suspects__puts_wrong_labels_first() -> None:
    right = np.arange(400) % 8
    p = predictions(right, 8, sure=4)
    given_ = right.copy()
    wrong = np.random.default_rng(1).choice(400, 20, replace=False)
    given_[wrong] = (right[wrong] + 3) % 8
    found = find_suspects(p, given_)
    assert len(set(wrong) & set(found.order[:40])) >= 19
    flagged = np.flatnonzero(found.suspect)
    assert len(set(wrong) & set(flagged)) >= 10  # cautious: half of the photos reach no threshold
    assert (found.likely[wrong] == right[wrong]).mean() > 0.9


def test_find_suspects__a_class_that_is_hard_throughout_is_not_suspect_as_a_whole() -> None:
    # Class 1 gets 0.3 at best: below class 0's share, as in a set of very unequal classes.
    p = np.array([[0.95, 0.05]] * 90 + [[0.7, 0.3]] * 10)
    found = find_suspects(p, [0] * 90 + [1] * 10)
    assert not found.suspect.any()
    assert found.likely[-1] == 0  # it does look like class 0, and stands early in the order
    assert set(found.order[:10]) == set(range(90, 100))


def test_find_suspects__does_not_count_what_cannot_be_judged() -> None:
    p = [[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [1.0, 0.0, 0.0]]
    found = find_suspects(p, [0, 0, 1, 2], judged=[True, True, True, False])
    assert found.order[-1] == 3
    assert (found.score[3], found.likely[3], found.suspect[3]) == (0, 2, False)
    assert found.counted.tolist() == [0, -1, 1, -1]  # the second one stays below its class's mean


def test_find_suspects__takes_a_single_class() -> None:
    found = find_suspects([[1.0], [1.0]], [0, 0])
    assert found.score.tolist() == [0, 0]
    assert found.counted.tolist() == [0, 0]


@given(st.integers(2, 6), st.integers(5, 60), st.integers(0, 1000))
def test_find_suspects__order_and_names_of_classes_change_nothing(
    classes: int, n: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    p = predictions(random.integers(0, classes, n), classes, seed)
    found = find_suspects(p, labels)
    assert sorted(found.order) == list(range(n))
    assert (np.diff(found.score[found.order]) <= 0).all()
    assert ((found.score >= 0) & (found.score <= 1)).all()
    assert (found.likely[found.suspect] != labels[found.suspect]).all()
    names, photos = random.permutation(classes), random.permutation(n)
    renamed = np.empty_like(p)
    renamed[:, names] = p
    other = find_suspects(renamed[photos], names[labels][photos])
    np.testing.assert_allclose(other.score, found.score[photos])
    assert other.suspect.tolist() == found.suspect[photos].tolist()
    assert other.likely.tolist() == names[found.likely][photos].tolist()


def test_find_suspects__takes_many_photos_in_single_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = np.random.default_rng(0).integers(0, 5, 100)
    p = predictions(labels, 5, sure=1)
    whole = find_suspects(p, labels)
    monkeypatch.setattr(suspects, "_ROWS", 7)
    found = find_suspects(p.astype(np.float32), labels)
    assert 0 < found.suspect.sum() < 50
    assert found.suspect.tolist() == whole.suspect.tolist()
    assert found.likely.tolist() == whole.likely.tolist()
    assert found.counted.tolist() == whole.counted.tolist()
    np.testing.assert_allclose(found.score, whole.score, atol=1e-6)


def test_find_suspects__a_class_whose_photos_are_all_alike_reaches_its_mean() -> None:
    for kind in (np.float32, np.float64):
        p = np.tile(np.array([0.1, 0.9], kind), (7, 1))
        assert find_suspects(p, [1] * 7).counted.tolist() == [1] * 7


@pytest.mark.parametrize(
    ("p", "labels", "message"),
    [
        ([[0.5, 0.5]], [0, 1], r"expected probabilities \[N, K\] and labels \[N\], found \[1, 2\]"),
        (np.zeros((0, 2)), np.zeros(0, int), r"expected probabilities \[N, K\] and labels"),
        ([[0.5, 0.6]], [0], "probabilities: expected rows from 0 to 1 that sum to one"),
        ([[np.nan, 1.0]], [0], "probabilities: expected rows from 0 to 1 that sum to one"),
        ([[0.5, 0.5]], [2], "labels: expected class indices from 0 to 1, found int64 from 2 to 2"),
        ([[0.5, 0.5]], [0.0], "labels: expected class indices from 0 to 1, found float64"),
    ],
)
def test_find_suspects__refuses_what_is_no_distribution(
    p: object, labels: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        find_suspects(p, labels)  # type: ignore[arg-type]


def test_find_suspects__refuses_another_number_of_judged() -> None:
    with pytest.raises(ValueError, match=r"^judged: expected shape \(1,\) as labels have, found"):
        find_suspects([[0.5, 0.5]], [0], judged=[True, True])
