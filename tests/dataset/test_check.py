from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from figsight.dataset import (
    CheckReport,
    Dataset,
    Figure,
    Photo,
    look_at_photos,
    read,
    require_readable,
    require_trainable,
)
from figsight.errors import DataError, PhotoError, UnreadablePhotosError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Plant = Callable[..., Path]


def _mixed(plant: Plant, n_bad: int = 2) -> Dataset:
    bad = {f"b/bad{number}.png": b"not a picture" for number in range(n_bad)}
    return read(plant(["a/1.png", "a/2.png", "b/1.png", "b/2.png"], bad))


def _check(photos: Sequence[Photo], threads: int | None = None) -> CheckReport:
    return look_at_photos(photos, lambda *_: None, lambda *_: None, threads=threads)


@pytest.mark.parametrize("threads", [1, 3, None])
def test_look_at_photos__keeps_the_order(plant: Plant, threads: int | None) -> None:
    dataset = _mixed(plant)
    report = _check(dataset.photos, threads=threads)
    assert [photo.path for photo in report.good] == ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]
    assert [failure.path for failure in report.failures] == ["b/bad0.png", "b/bad1.png"]
    assert all(isinstance(failure, PhotoError) for failure in report.failures)
    assert dict(report.sha256) == {
        photo.path: hashlib.sha256(photo.read()).hexdigest() for photo in report.good
    }


def test_look_at_photos__errors_keep_no_photo(plant: Plant) -> None:
    for error in _check(_mixed(plant).photos).failures:
        assert error.__traceback__ is None  # its frames hold the bytes of the file
        assert error.__cause__ is None


def test_look_at_photos__looks_in_other_threads_and_keeps_in_the_callers(plant: Plant) -> None:
    dataset = _mixed(plant)
    seen = []
    progress = []

    def look(pixels: NDArray[np.uint8], sha256: str) -> str:
        assert threading.current_thread() is not threading.main_thread()
        assert pixels.shape == (3, 4, 3)
        assert pixels.dtype == np.uint8
        assert pixels[0, 0].tolist() == [255, 0, 0]
        return sha256

    def keep(photo: Photo, sha256: str) -> None:
        assert threading.current_thread() is threading.main_thread()
        seen.append((photo.path, sha256))

    report = look_at_photos(
        dataset.photos, look, keep, progress=lambda *numbers: progress.append(numbers)
    )
    assert seen == list(report.sha256.items())
    assert progress == [(done, 6) for done in range(1, 7)]


def test_look_at_photos__decodes_each_photo_once_and_few_at_a_time(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = read(plant([f"a/{number}.png" for number in range(30)]))
    started: list[str] = []
    visited: list[str] = []

    def decode(data: bytes, *, name: str) -> NDArray[np.uint8]:
        started.append(name)
        assert len(started) - len(visited) <= 4
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr("figsight.dataset.check.decode", decode)
    look_at_photos(
        dataset.photos, lambda *_: None, lambda photo, _: visited.append(photo.path), threads=2
    )
    assert visited == [photo.path for photo in dataset.photos]
    assert sorted(started) == sorted(visited)


def test_look_at_photos__passes_on_what_is_not_the_photos_fault(plant: Plant) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look_at_photos(_mixed(plant).photos, stop, lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        look_at_photos(_mixed(plant).photos, lambda *_: None, stop)


def test_look_at_photos__takes_no_photos() -> None:
    report = _check([])
    assert (report.good, report.failures, report.sha256) == ((), (), {})


def test_look_at_photos__reports_a_photo_that_is_gone(plant: Plant) -> None:
    dataset = _mixed(plant, n_bad=0)
    dataset.photos[0].file.unlink()
    report = _check(dataset.photos)
    assert [str(failure) for failure in report.failures] == ["a/1.png: No such file or directory"]


def _require_readable(dataset: Dataset, *, skip_bad: bool) -> Dataset:
    return require_readable(dataset, _check(dataset.photos), skip_bad=skip_bad)


def test_require_readable__stops_by_default(plant: Plant) -> None:
    dataset = _mixed(plant, n_bad=5)
    with pytest.raises(UnreadablePhotosError) as caught:
        _require_readable(dataset, skip_bad=False)
    reasons = [failure.reason for failure in caught.value.failures]
    assert len(reasons) == 5
    assert str(caught.value) == (
        f"5 of 9 photos cannot be decoded: b/bad0.png: {reasons[0]}; b/bad1.png: {reasons[1]}; "
        f"b/bad2.png: {reasons[2]}; and 2 more; "
        "repair or remove them, or let skip_bad leave them out"
    )


def test_require_readable__goes_on_without_bad_photos(plant: Plant) -> None:
    dataset = _mixed(plant)
    good = _require_readable(dataset, skip_bad=True)
    assert good.photos == dataset.photos[:4]
    assert good.figures == dataset.figures


def test_require_readable__drops_figures_that_have_no_readable_photo(plant: Plant) -> None:
    dataset = read(plant(["a/1.png", "c/1.png"], {"b/1.png": b"bad", "c/2.png": b"bad"}))
    good = _require_readable(dataset, skip_bad=True)
    assert [figure.id for figure in good.figures] == ["a", "c"]
    assert [figure.id for figure in good.untaught] == ["b"]
    assert good.labels() == [0, 1]


def test_require_readable__stops_when_nothing_is_left(plant: Plant) -> None:
    dataset = read(plant([], {"a/1.png": b"bad", "b/1.png": b"bad"}))
    with pytest.raises(
        UnreadablePhotosError, match=r"repair or remove them, or give other photos$"
    ):
        _require_readable(dataset, skip_bad=True)


def test_require_readable__returns_a_good_set_as_it_is(plant: Plant) -> None:
    dataset = _mixed(plant, n_bad=0)
    assert _require_readable(dataset, skip_bad=False) is dataset


def _dataset(**numbers: int) -> Dataset:
    figures = tuple(Figure(name, name, name.upper()) for name in numbers)
    photos = [
        Photo(f"{name}/{number}", None, figure_id=name)  # type: ignore[arg-type]
        for name, count in numbers.items()
        for number in range(count)
    ]
    return Dataset("set", figures, tuple(photos))


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({}, "set: expected photos of at least two figures, found none; add another class"),
        (
            {"a": 9, "b": 0},
            "set: expected photos of at least two figures, found only 'A'; add another class",
        ),
        (
            {"a": 2, "b": 1, "c": 5, "d": 0},
            (
                "set: expected at least 2 photos of each figure, found fewer of 'B' (1), 'D' (0); "
                "add photos or remove these figures"
            ),
        ),
    ],
)
def test_require_trainable__refuses(numbers: dict[str, int], message: str) -> None:
    with pytest.raises(DataError) as caught:
        require_trainable(_dataset(**numbers))
    assert str(caught.value) == message


def test_require_trainable__takes_enough_photos() -> None:
    require_trainable(_dataset(a=2, b=2))
    require_trainable(_dataset(a=1, b=1), photos_each=1)
    with pytest.raises(DataError, match=r"found fewer of 'A' \(2\), 'B' \(2\); add photos"):
        require_trainable(_dataset(a=2, b=2, c=3), photos_each=3)


def test_look_at_photos__takes_no_more_threads_than_it_may_use_cores(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = read(plant([f"{figure}/{number}.png" for figure in "ab" for number in range(8)]))
    seen: set[int] = set()
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    look_at_photos(dataset.photos, lambda *_: seen.add(threading.get_ident()), lambda *_: None)
    assert len(seen) == 1
