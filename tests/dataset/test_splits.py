from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.dataset.splits import folds, holdout
from figsight.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

Photos = list[tuple[int, str]]  # label, group

# Few labels and keys, so that groups of several photos and of several labels are common.
_PHOTOS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 25).map(lambda n: f"group {n}")),
    min_size=2,
    max_size=60,
).filter(lambda photos: len({key for _, key in photos}) >= 2)
_PURE = _PHOTOS.map(lambda photos: [(int(key.split()[1]) % 4, key) for _, key in photos])
_SEEDS = st.integers(0, 1000)


def _folds(photos: Photos, n_folds: int, seed: int) -> list[list[int]]:
    labels, groups = zip(*photos, strict=True)
    return [indices.tolist() for indices in folds(labels, groups, n_folds, seed)]


def _fold_of_group(photos: Photos, n_folds: int, seed: int) -> dict[str, int]:
    return {
        photos[index][1]: number
        for number, indices in enumerate(_folds(photos, n_folds, seed))
        for index in indices
    }


def _n_folds(photos: Photos, wanted: int) -> int:
    return min(wanted, len({key for _, key in photos}))


@given(_PHOTOS, st.integers(2, 6), _SEEDS)
def test_folds__are_a_partition(photos: Photos, wanted: int, seed: int) -> None:
    labels, groups = zip(*photos, strict=True)
    parts = folds(labels, groups, _n_folds(photos, wanted), seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(photos)))
    assert len(parts) == _n_folds(photos, wanted)
    assert all(len(part) and part.dtype == np.intp for part in parts)
    assert all(np.all(np.diff(part) > 0) for part in parts)


@given(_PHOTOS, st.integers(2, 6), _SEEDS)
def test_folds__never_divide_a_group(photos: Photos, wanted: int, seed: int) -> None:
    where = defaultdict(set)
    for number, indices in enumerate(_folds(photos, _n_folds(photos, wanted), seed)):
        for index in indices:
            where[photos[index][1]].add(number)
    assert all(len(numbers) == 1 for numbers in where.values())


@given(_PURE, st.integers(2, 6), _SEEDS)
def test_folds__balance_each_class_and_all(photos: Photos, wanted: int, seed: int) -> None:
    n_folds = _n_folds(photos, wanted)
    label_of = {key: label for label, key in photos}
    counts: defaultdict[object, Counter[int]] = defaultdict(Counter)
    for key, number in _fold_of_group(photos, n_folds, seed).items():
        counts[label_of[key]][number] += 1
        counts["all"][number] += 1
    for numbers in counts.values():
        sizes = [numbers[number] for number in range(n_folds)]
        assert max(sizes) - min(sizes) <= 1


@given(_PURE, st.integers(2, 6), _SEEDS, st.data())
def test_folds__do_not_move_when_a_photo_is_copied(
    photos: Photos, wanted: int, seed: int, data: st.DataObject
) -> None:
    n_folds = _n_folds(photos, wanted)
    copied = data.draw(st.sampled_from(photos))
    place = data.draw(st.integers(0, len(photos)))
    more = [*photos[:place], copied, *photos[place:]]
    assert _fold_of_group(more, n_folds, seed) == _fold_of_group(photos, n_folds, seed)


@given(_PHOTOS, st.integers(2, 6), _SEEDS, st.permutations(range(4)))
def test_folds__do_not_depend_on_the_numbers_of_labels(
    photos: Photos, wanted: int, seed: int, names: Sequence[int]
) -> None:
    n_folds = _n_folds(photos, wanted)
    renamed = [(names[label], key) for label, key in photos]
    assert _fold_of_group(renamed, n_folds, seed) == _fold_of_group(photos, n_folds, seed)


@given(_PHOTOS, st.integers(2, 6), _SEEDS, st.randoms())
def test_folds__do_not_depend_on_the_order(
    photos: Photos, wanted: int, seed: int, random: object
) -> None:
    n_folds = _n_folds(photos, wanted)
    shuffled = list(photos)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _fold_of_group(shuffled, n_folds, seed) == _fold_of_group(photos, n_folds, seed)


def test_folds__go_by_the_most_frequent_label_of_a_group() -> None:
    # Group m shows class 1 twice and class 0 once: with it class 1 has two groups, one a fold.
    photos = [(0, "a"), (0, "b"), (1, "m"), (1, "m"), (0, "m"), (1, "z")]
    for seed in range(20):
        where = _fold_of_group(photos, 2, seed)
        assert where["a"] != where["b"]
        assert where["m"] != where["z"]


def test_folds__differ_between_seeds() -> None:
    photos = [(number % 2, f"{number}") for number in range(40)]
    assert _folds(photos, 4, 0) == _folds(photos, 4, 0)
    assert _folds(photos, 4, 0) != _folds(photos, 4, 1)


def test_folds__stay_the_same_for_ever() -> None:
    # Stored results name photos by fold; another hash or order would make them wrong.
    photos = [(number % 3, f"photo {number}") for number in range(9)]
    assert _folds(photos, 3, 7) == [[3, 4, 8], [5, 6, 7], [0, 1, 2]]


def test_folds__allow_a_class_with_fewer_groups_than_folds() -> None:
    photos = [(0, f"{number}") for number in range(9)] + [(1, "only")]
    parts = _folds(photos, 5, 0)
    assert sum(9 in part for part in parts) == 1


@pytest.mark.parametrize("n_folds", [-1, 0, 1, 4])
def test_folds__refuse_an_impossible_number(n_folds: int) -> None:
    photos = [(0, "a"), (0, "b"), (1, "c"), (1, "c")]
    message = (
        "expected from 2 to 3 folds (there are 3 groups of photos that must stay together), "
        f"found {n_folds}; choose another number"
    )
    with pytest.raises(DataError) as caught:
        _folds(photos, n_folds, 0)
    assert str(caught.value) == message


def test_folds__refuse_unequal_lengths() -> None:
    with pytest.raises(ValueError, match="found 1 for 2"):
        folds([0, 1], ["a"], 2, 0)


@given(_PURE, st.floats(0.01, 0.99), _SEEDS)
def test_holdout__keeps_groups_whole_and_a_group_of_each_class(
    photos: Photos, share: float, seed: int
) -> None:
    labels, groups = zip(*photos, strict=True)
    groups_of = defaultdict(set)
    for label, key in photos:
        groups_of[label].add(key)
    if max(len(keys) for keys in groups_of.values()) < 2:
        return
    kept, held = holdout(labels, groups, share, seed)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(photos)))
    held_keys = {groups[index] for index in held}
    assert held_keys.isdisjoint(groups[index] for index in kept)
    for keys in groups_of.values():
        number = len(keys & held_keys)
        assert number < len(keys)
        assert number >= (len(keys) > 1)
        assert abs(number - share * len(keys)) <= 1


def test_holdout__grows_with_the_share() -> None:
    labels, groups = [0, 1] * 20, [f"{number}" for number in range(40)]
    small, large = holdout(labels, groups, 0.2, 3)[1], holdout(labels, groups, 0.5, 3)[1]
    assert len(small) == 8
    assert len(large) == 20
    assert set(small.tolist()) < set(large.tolist())


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_holdout__refuses_an_impossible_share(share: float) -> None:
    with pytest.raises(DataError, match=r"^expected a share between 0 and 1 to hold out, found"):
        holdout([0, 0], ["a", "b"], share, 0)


def test_holdout__refuses_classes_of_one_group() -> None:
    with pytest.raises(DataError, match=r"^expected at least two photos of a class that are not"):
        holdout([0, 0, 1], ["a", "a", "b"], 0.5, 0)
