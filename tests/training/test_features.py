from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from figsight.dataset.suspects import find_suspects
from figsight.errors import DataError
from figsight.rows import Rows
from figsight.training import features
from figsight.training.features import Effort, Embedder, choose_effort, predict_unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def clouds(
    n: int, classes: int, d: int = 12, seed: int = 0, apart: float = 2.0
) -> tuple[np.ndarray, list[int]]:
    """Points around a centre for each class: float32 [N, D], and their classes."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = random.normal(0, apart, (classes, d))
    points = centres[labels] + random.normal(0, 1, (n, d))
    return points.astype(np.float32), labels.tolist()


def alone(n: int) -> list[str]:
    return [f"{k:04}" for k in range(n)]


def test_predict_unseen__is_right_about_classes_that_are_apart() -> None:
    x, y = clouds(120, 4)
    unseen = predict_unseen(x, y, alone(120), 4)
    assert unseen.probabilities.shape == (120, 4)
    np.testing.assert_allclose(unseen.probabilities.sum(axis=1), 1, atol=1e-6)
    assert (unseen.probabilities.argmax(axis=1) == y).mean() > 0.95
    assert unseen.judged.all()
    assert unseen.shrinkage in features.SHRINKAGES


def test_predict_unseen__never_learns_from_what_it_is_asked_about() -> None:
    # Without structure, a classifier that had seen the labels would beat chance by far.
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (60, 200)).astype(np.float32)
    y = np.repeat([0, 1], 30).tolist()
    right = predict_unseen(x, y, alone(60), 2).probabilities.argmax(axis=1) == y
    assert 0.2 < right.mean() < 0.8
    # With every photo twice, it would know each by its copy, were these not kept together.
    twice = predict_unseen(np.tile(x, (2, 1)), y * 2, alone(60) * 2, 2)
    assert (twice.probabilities.argmax(axis=1) == y * 2).mean() < 0.8


@settings(max_examples=10)
@given(st.integers(0, 100))
def test_predict_unseen__copies_are_told_the_same(seed: int) -> None:
    x, y = clouds(30, 3, seed=seed)
    p = predict_unseen(np.tile(x, (2, 1)), y * 2, alone(30) * 2, 3, n_folds=5).probabilities
    np.testing.assert_allclose(p[:30], p[30:], atol=1e-9)


def test_predict_unseen__asks_about_photos_that_it_was_told_not_to_trust() -> None:
    x, y = clouds(90, 3, apart=3)
    wrong = [0, 1, 2, 30, 31]
    given_ = list(y)
    for k in wrong:
        given_[k] = (y[k] + 1) % 3
    trusted = np.ones(90, np.bool_)
    trusted[wrong] = False
    unseen = predict_unseen(x, given_, alone(90), 3, trusted=trusted)
    assert unseen.judged.all()
    assert unseen.probabilities[wrong].argmax(axis=1).tolist() == [y[k] for k in wrong]


def test_predict_unseen__does_not_judge_a_class_of_one_shot() -> None:
    x, y = clouds(40, 2)
    x = np.concatenate([x, x[:2] + 9])
    unseen = predict_unseen(x, [*y, 2, 2], [*alone(40), "same", "same"], 4)
    assert unseen.judged.tolist() == [True] * 40 + [False] * 2
    np.testing.assert_allclose(unseen.probabilities.sum(axis=1), 1, atol=1e-6)
    assert (unseen.probabilities[:40, 3] <= unseen.probabilities[:40, :3].max(axis=1)).all()


def test_predict_unseen__gives_the_same_for_few_and_for_sampled_photos(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = clouds(100, 3)
    before = predict_unseen(x, y, alone(100), 3)
    monkeypatch.setattr(features, "_CHOOSING", 30)
    after = predict_unseen(x, y, alone(100), 3)
    assert after.probabilities.shape == before.probabilities.shape
    assert (after.probabilities.argmax(axis=1) == y).mean() > 0.95


def test_predict_unseen__gives_the_same_however_many_rows_are_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = clouds(100, 3)
    before = predict_unseen(x, y, alone(100), 3)
    monkeypatch.setattr(features, "_ROWS", 7)
    with closing(Rows((12,), np.float32, in_memory=0)) as rows:
        rows.extend(x)
        after = predict_unseen(rows, y, alone(100), 3)
    assert after.shrinkage == before.shrinkage
    np.testing.assert_allclose(after.probabilities, before.probabilities, atol=1e-4)


def test_predict_unseen__takes_more_dimensions_than_photos_and_equal_photos() -> None:
    x, y = clouds(20, 2, d=64)
    assert np.isfinite(predict_unseen(x, y, alone(20), 2).probabilities).all()
    same = np.ones((20, 8), np.float32)
    p = predict_unseen(same, y, alone(20), 2).probabilities
    np.testing.assert_allclose(p, 0.5, atol=0.2)


def test_predict_unseen__leads_to_the_wrong_labels() -> None:
    x, y = clouds(300, 6)
    random = np.random.default_rng(0)
    wrong = random.choice(300, 15, replace=False)
    given_ = np.array(y)
    given_[wrong] = (given_[wrong] + random.integers(1, 6, 15)) % 6
    unseen = predict_unseen(x, given_.tolist(), alone(300), 6)
    found = find_suspects(unseen.probabilities, given_, unseen.judged)
    assert set(wrong) <= set(found.order[:30])


def test_predict_unseen__refuses_a_single_group() -> None:
    x, y = clouds(4, 2)
    with pytest.raises(DataError, match="expected from 2 to 1 folds"):
        predict_unseen(x, y, ["one"] * 4, 2)


@pytest.fixture
def embedder() -> Iterator[Embedder]:
    torch.manual_seed(0)
    with closing(Embedder(Effort(224, 2), "random")) as embedder:
        yield embedder


def finish(embedder: Embedder) -> NDArray[np.float16]:
    with closing(embedder.finish()) as rows:
        return rows[np.arange(len(rows))]


def test_embedder__gives_a_row_a_photo_whatever_the_batches(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "BATCH", 4)
    random = np.random.default_rng(0)
    photos = [random.integers(0, 256, (40 + k, 50, 3), np.uint8) for k in range(5)]
    for photo in photos:
        embedder.add(embedder.fit(photo))
    rows = finish(embedder)
    assert rows.shape == (5, 1280)
    assert rows.dtype == np.float16
    assert finish(embedder).shape == (0, 1280)  # it has handed everything out
    for photo in photos[::-1]:
        embedder.add(embedder.fit(photo))
    np.testing.assert_allclose(finish(embedder)[::-1], rows, rtol=2e-3, atol=1e-3)


def test_embedder__a_photo_and_its_mirror_image_are_the_same(embedder: Embedder) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    embedder.add(embedder.fit(photo))
    embedder.add(embedder.fit(photo[:, ::-1]))
    one, other = finish(embedder)
    np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-3)


def test_embedder__looks_once_or_twice() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    found = []
    for views, photos in ((1, [photo, photo[:, ::-1]]), (2, [photo])):
        torch.manual_seed(0)
        with closing(Embedder(Effort(96, views), "random")) as embedder:
            for one in photos:
                embedder.add(embedder.fit(one))
            found.append(finish(embedder).mean(axis=0))
    np.testing.assert_allclose(found[0], found[1], rtol=2e-3, atol=1e-3)


def test_embedder__finds_classes_that_become_each_other_when_mirrored(embedder: Embedder) -> None:
    rng = np.random.default_rng(0)
    left = rng.integers(90, 130, (6, 160, 160, 3), np.uint8)
    for photo in left:
        top, edge = rng.integers(40, 80), rng.integers(0, 20)
        photo[top : top + 40, edge : edge + 40] = (230, 200, 40)
    blue = left[..., ::-1]
    fitted = np.concatenate([left, left[:, :, ::-1], blue])
    assert embedder.find_mirror_images(fitted, np.repeat([0, 1, 2], 6)) == [(0, 1)]


def test_choose_effort__never_looks_closer_at_more_photos() -> None:
    efforts = [choose_effort(n) for n in (0, 300, 3000, 3001, 10_001, 20_001, 50_000)]
    work = [effort.side**2 * effort.views for effort in efforts]
    assert work == sorted(work, reverse=True)
    assert efforts[0] == Effort(224, 2)
