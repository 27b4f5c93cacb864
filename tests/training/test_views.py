"""Views of photos."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from figsight.training.recipe import Augmentation
from figsight.training.views import _fold, make_views, mix

STRONG = Augmentation(
    flip=0.5,
    rotation=30,
    min_area=0.5,
    max_area=1.3,
    aspect=0.3,
    perspective=0.2,
    brightness=0.5,
    contrast=0.5,
    saturation=0.5,
    tint=0.2,
    erase=0.5,
    turn=0.5,
)


def photos(n: int, side: int = 24, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, side, side, 3), generator=generator, dtype=torch.uint8)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_make_views__that_vary_nothing_are_the_photos() -> None:
    batch = photos(3)
    views = make_views(batch, (24, 24), Augmentation(), rng())
    assert torch.allclose(views, batch.permute(0, 3, 1, 2).float(), atol=0.01)


def test_make_views__mirrored_are_mirrored() -> None:
    batch = photos(2)
    views = make_views(batch, (24, 24), Augmentation(flip=1.0), rng())
    assert torch.allclose(views, batch.permute(0, 3, 1, 2).float().flip(3), atol=0.01)


def test_make_views__turned_are_turned_by_quarters_and_never_left_as_they_are() -> None:
    batch = photos(60)
    plain = batch.permute(0, 3, 1, 2).float()
    turned = [plain.rot90(quarters, (2, 3)) for quarters in (1, 2, 3)]
    counts = [0, 0, 0]
    for i, view in enumerate(make_views(batch, (24, 24), Augmentation(turn=1.0), rng())):
        same = [torch.allclose(view, one[i], atol=0.05) for one in turned]
        assert sum(same) == 1
        counts[same.index(True)] += 1
    assert min(counts) >= 5


def test_make_views__so_many_are_turned_as_the_share_says() -> None:
    batch = photos(200)
    views = make_views(batch, (24, 24), Augmentation(turn=0.1), rng())
    upright = (views - batch.permute(0, 3, 1, 2).float()).abs().amax((1, 2, 3)) < 0.05
    assert 8 <= 200 - int(upright.sum()) <= 35


@given(place=st.floats(-4, 4), strip=st.floats(0.06, 1))
def test_fold__brings_what_is_beyond_an_edge_back_into_a_strip_along_it(
    place: float, strip: float
) -> None:
    folded = float(_fold(torch.tensor([place]), torch.tensor([strip])))
    if abs(place) <= 1:
        assert folded == pytest.approx(place)
    else:
        assert 1 - strip - 1e-5 <= folded * np.sign(place) <= 1
        # A strip further out it is mirrored: folded, and not repeated.
        further = float(
            _fold(torch.tensor([place + np.sign(place) * 2 * strip]), torch.tensor([strip]))
        )
        assert further == pytest.approx(folded, abs=1e-4)


def test_fold__goes_on_where_the_edge_ends() -> None:
    places = torch.tensor([0.9, 0.99, 1.01, 1.1, 1.3])
    assert torch.allclose(
        _fold(places, torch.tensor([0.2])), torch.tensor([0.9, 0.99, 0.99, 0.9, 0.9])
    )


def test_make_views__from_farther_away_show_a_figure_once_and_smaller() -> None:
    batch = torch.full((200, 48, 48, 3), 40, dtype=torch.uint8)
    batch[:, 20:28, 20:28] = 240  # in the middle, a thirty-sixth of the area
    how = Augmentation(max_area=4.0)
    shares = (make_views(batch, (48, 48), how, rng())[:, 0] > 140).float().mean(dim=(1, 2))
    assert float(shares.max()) <= 1.05 / 36
    assert float(shares.min()) <= 0.3 / 36
    # All ratios alike: as many views are of less as of more than twice the photo's area.
    assert 80 <= int((shares < 0.5 / 36).sum()) <= 120


@given(seed=st.integers(0, 2**31), n=st.integers(1, 5))
def test_make_views__are_pixels_of_the_asked_size_and_repeatable(seed: int, n: int) -> None:
    batch = photos(n)
    views = make_views(batch, (16, 20), STRONG, rng(seed))
    assert views.shape == (n, 3, 16, 20)
    assert float(views.min()) >= 0
    assert float(views.max()) <= 255
    assert torch.equal(views, make_views(batch, (16, 20), STRONG, rng(seed)))


def test_make_views__of_another_seed_differ() -> None:
    batch = photos(2)
    one, other = (make_views(batch, (24, 24), STRONG, rng(seed)) for seed in (0, 1))
    assert not torch.equal(one, other)


def test_make_views__leave_the_photos_alone() -> None:
    batch = photos(2)
    before = batch.clone()
    make_views(batch, (24, 24), STRONG, rng())
    assert torch.equal(batch, before)


def test_make_views__recoloured_are_lit_then_stretched_from_their_mean_then_from_grey() -> None:
    batch, how = photos(4), Augmentation(brightness=0.4, contrast=0.4, saturation=0.6, tint=0.2)
    draws = rng()
    for _ in range(7):  # the geometry's
        torch.rand(4, generator=draws)

    def factor(reach: float, channels: int = 1) -> torch.Tensor:
        numbers = torch.rand(4 * channels, generator=draws) * 2 - 1
        return torch.exp(numbers * reach).view(4, channels, 1, 1)

    expected = batch.permute(0, 3, 1, 2).float()
    expected = expected * factor(0.4) * factor(0.2, 3)
    mean = expected.mean(dim=(1, 2, 3), keepdim=True)
    expected = mean + (expected - mean) * factor(0.4)
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    grey = (expected * luma).sum(1, keepdim=True)
    expected = (grey + (expected - grey) * factor(0.6)).clamp(0, 255)
    views = make_views(batch, (24, 24), how, rng())
    assert torch.allclose(views, expected, atol=0.02)


@pytest.mark.parametrize("seed", range(12))
def test_mix__blends_targets_as_it_blends_pixels(seed: int) -> None:
    inputs = torch.zeros(4, 3, 10, 10)
    for i in range(4):
        inputs[i] = i
    mixed, targets = mix(inputs, torch.eye(4), rng(seed))
    assert torch.allclose(targets.sum(1), torch.ones(4))
    # Photo i is all i, so the mean pixel is the expected i under the targets.
    expected = (targets * torch.arange(4.0)).sum(1)
    assert torch.allclose(mixed.mean(dim=(1, 2, 3)), expected, atol=1e-4)
