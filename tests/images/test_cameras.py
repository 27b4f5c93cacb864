from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from figsight.images import CHANGES, change_camera, choose_some
from figsight.images.cameras import ENOUGH, add_grain, relight, soften, step_back

BOARD = (np.indices((144, 192)).sum(0) % 2 * 100 + 70).astype(np.uint8)
PHOTO = np.stack([BOARD, BOARD, BOARD // 2], axis=2)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_add_grain__moves_each_number_a_little_and_none_of_them_on_average() -> None:
    apart = add_grain(PHOTO, rng()).astype(int) - PHOTO
    assert 0.5 < apart.std() < 11
    assert abs(apart.mean()) < 1
    assert abs(np.corrcoef(apart[..., 0].ravel(), apart[..., 1].ravel())[0, 1]) < 0.1


def test_add_grain__is_as_strong_as_drawn_and_makes_pictures_no_darker() -> None:
    grey = np.full((96, 128, 3), 128, np.uint8)
    apart = [add_grain(grey, rng(seed)).astype(int) - 128 for seed in range(200)]
    spreads = [one.std() for one in apart]
    assert 0.95 < min(spreads) < 1.2
    assert 8.5 < max(spreads) < 10.1
    assert abs(np.mean([one.mean() for one in apart])) < 0.15


def test_add_grain__has_no_colour_in_a_picture_without_any() -> None:
    grainy = add_grain(np.repeat(BOARD[..., None], 3, axis=2), rng())
    assert (grainy == grainy[..., :1]).all()
    assert (grainy[..., 0] != BOARD).mean() > 0.5


def test_add_grain__is_fine_or_coarse() -> None:
    def alike(seed: int) -> float:
        apart = add_grain(PHOTO, rng(seed)).astype(int) - PHOTO
        return float(np.corrcoef(apart[:, :-1].ravel(), apart[:, 1:].ravel())[0, 1])

    found = [alike(seed) for seed in range(60)]
    assert min(found) < 0.3
    assert max(found) > 0.8


def test_add_grain__stays_within_what_a_picture_can_hold() -> None:
    for value in (0, 255):
        grainy = add_grain(np.full((32, 32, 3), value, np.uint8), rng())
        assert np.abs(grainy.astype(int) - value).max() < 60


def test_soften__takes_contrast_from_neighbours_and_leaves_plain_pictures_alone() -> None:
    softest = min(soften(PHOTO, rng(seed))[..., 0].std() for seed in range(8))
    assert softest < 0.3 * BOARD.std()
    plain = np.full_like(PHOTO, 90)
    assert (soften(plain, rng()) == plain).all()


def test_soften__is_as_soft_at_any_size() -> None:
    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 200
    large = edge.repeat(4, axis=0).repeat(4, axis=1)
    small, big = soften(edge, rng(3)), soften(large, rng(3))
    assert np.abs(big[::4, 2::4].astype(int) - small).mean() < 3


def test_step_back__shows_all_of_a_picture_smaller_and_somewhere_in_the_frame() -> None:
    photo = np.full((96, 128, 3), 60, np.uint8)
    photo[40:56, 56:72] = 220  # a square in the middle: no strip of half a side goes beyond it
    places, shares = [], []
    for seed in range(40):
        far = step_back(photo, rng(seed))
        assert far.shape == photo.shape
        rows, columns = np.nonzero(far[..., 0] > 140)
        tall, wide = (np.ptp(one) + 1 for one in (rows, columns))
        places.append((rows.mean(), columns.mean()))
        if tall <= 16 and wide <= 16:  # else a strip has part of it again
            shares.append(len(rows) / (16 * 16))
    assert len(shares) >= 30
    assert 1 / 2.2**2 - 0.05 <= min(shares) < 0.4
    assert 0.6 < max(shares) <= 1 / 1.1**2 + 0.05
    assert min(np.std(places, axis=0)) > 5


def test_step_back__goes_on_around_a_picture_as_it_ends() -> None:
    rows = np.linspace(40, 200, 96).astype(np.uint8)
    photo = np.tile(rows[:, None, None], (1, 96, 3))
    for seed in range(10):
        far = step_back(photo, rng(seed))
        assert (far == far[:, :1]).all()  # alike from left to right, as it was
        assert np.abs(np.diff(far[:, 0, 0].astype(int))).max() <= 6  # and nowhere a step


@pytest.mark.parametrize("side", [1, 2, 3, 28])
def test_step_back__takes_pictures_of_any_size(side: int) -> None:
    photo = rng().integers(0, 256, (side, 2 * side, 3), dtype=np.uint8)
    assert step_back(photo, rng()).shape == photo.shape


def test_relight__moves_light_contrast_and_colour_up_and_down() -> None:
    found = np.stack([relight(PHOTO, rng(seed)).astype(float) for seed in range(60)])
    light = found[..., 0].mean(axis=(1, 2)) / BOARD.mean()
    contrast = found[..., 0].std(axis=(1, 2)) / BOARD.std()
    colour = found[..., 0].mean(axis=(1, 2)) / found[..., 1].mean(axis=(1, 2))
    for one, low, high in ((light, 0.4, 2.2), (contrast, 0.4, 2.0), (colour, 0.7, 1.4)):
        assert low < one.min() < 0.9
        assert 1.1 < one.max() < high


def test_relight__leaves_what_is_brighter_brighter_and_gives_grey_no_colour() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for seed in range(20):
        lit = relight(ramp, rng(seed)).astype(int)
        assert (lit == lit[..., :1]).all()
        assert (np.diff(lit[0, :, 0]) >= 0).all()
        assert lit[0, 0, 0] == 0


@pytest.mark.parametrize("change", CHANGES)
def test_changes__differ_from_picture_to_picture(change: Any) -> None:
    assert not (change(PHOTO, rng(1)) == change(PHOTO, rng(2))).all()


def test_change_camera__gives_the_same_for_a_picture_whatever_it_is_asked_with() -> None:
    photos = np.stack([PHOTO, PHOTO[::-1], PHOTO[:, ::-1]])
    whole = change_camera(photos)
    assert len(whole) == len(CHANGES)
    for kind, rest in zip(whole, change_camera(photos[1:], first=1), strict=True):
        assert kind.shape == photos.shape
        assert kind.dtype == np.uint8
        assert (kind[1:] == rest).all()


@pytest.mark.parametrize("n", [1, 5, ENOUGH, ENOUGH + 1, 10_000])
def test_choose_some__spreads_over_all_pictures(n: int) -> None:
    some = choose_some(n).tolist()
    assert len(some) == min(n, ENOUGH)
    assert sorted(set(some)) == some
    assert (some[0], some[-1]) == (0, n - 1)
    assert max(np.diff(some), default=0) <= n / len(some) + 2


def test_choose_some__of_none_is_none() -> None:
    assert choose_some(0).tolist() == []
