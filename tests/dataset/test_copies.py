from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance
from tests.make import scene

from figsight.dataset import candidates, copies
from figsight.dataset.copies import Fingerprints, NearPair, find_copies, fingerprint
from figsight.dataset.resemblance import MIN_SCORE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.dataset.fingerprints import Fingerprint


large = partial(scene, side=200)


def print_of(picture: Image.Image | NDArray[np.uint8], name: object) -> Fingerprint:
    return fingerprint(np.asarray(picture), hashlib.sha256(str(name).encode()).hexdigest())


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def cropped(
    picture: Image.Image, left: float, top: float, right: float, bottom: float
) -> Image.Image:
    w, h = picture.size
    return picture.crop(
        (round(left * w), round(top * h), round(w - right * w), round(h - bottom * h))
    )


def mirrored(picture: Image.Image) -> Image.Image:
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "the same pixels": lambda p: p,
    "half the size": lambda p: p.resize((100, 100)),
    "twice the size": lambda p: p.resize((400, 400)),
    "squashed": lambda p: p.resize((200, 120)),
    "recompressed": lambda p: jpeg(p, 30),
    "mirrored": mirrored,
    "cropped": lambda p: cropped(p, 0.05, 0.05, 0.05, 0.05),
    "cropped a lot": lambda p: cropped(p, 0.08, 0.08, 0.08, 0.08),
    "cropped on one side": lambda p: cropped(p, 0, 0.08, 0, 0),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.15),
    "darker": lambda p: ImageEnhance.Brightness(p).enhance(0.85),
    "flatter": lambda p: ImageEnhance.Contrast(p).enhance(0.85),
    "all of it": lambda p: jpeg(
        cropped(mirrored(ImageEnhance.Brightness(p).enhance(0.9)), 0.03, 0.06, 0.01, 0.04), 50
    ),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES.keys())
def test_find_copies__joins_a_photo_and_its_copy_among_others(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    prints = [print_of(large(seed), seed) for seed in range(8)]
    prints += [print_of(change(large(seed)), f"copy {seed}") for seed in range(8)]
    found = find_copies(prints)
    pairs = {(pair.first, pair.second) for pair in found.near}
    assert pairs <= {(i, i + 8) for i in range(8)}
    assert len(pairs) >= 7  # likely, not certain: see the module
    assert all(
        (found.groups[i] == found.groups[j]) == ((i, j) in pairs)
        for i in range(8)
        for j in range(8, 16)
    )
    assert found.identical == []
    assert all(MIN_SCORE <= pair.score <= 1 for pair in found.near)


def test_find_copies__finds_most_small_crops_and_tells_mirroring() -> None:
    rng = np.random.default_rng(0)
    found = 0
    for seed in range(40):
        turned = bool(seed % 2)
        original = large(seed)
        part = cropped(mirrored(original) if turned else original, *rng.uniform(0, 0.07, 4))
        for pair in find_copies([print_of(original, 0), print_of(part, 1)]).near:
            assert (pair.first, pair.second, pair.mirrored) == (0, 1, turned)
            found += 1
    assert found >= 36  # likely, not certain: see the module


def test_find_copies__leaves_different_photos_alone() -> None:
    prints = [print_of(large(seed), seed) for seed in range(60)]
    found = find_copies(prints)
    assert found.near == []
    assert found.groups == list(range(60))


def test_find_copies__keeps_photos_apart_that_differ_in_one_spot() -> None:
    one = large(1)
    other = one.copy()
    ImageDraw.Draw(other).ellipse([80, 80, 110, 110], fill=(250, 250, 250))
    assert find_copies([print_of(one, 0), print_of(other, 1)]).near == []


def test_find_copies__keeps_photos_apart_that_differ_in_colour_alone() -> None:
    one = np.asarray(large(1)).copy()
    one[60:120, 60:120] = (200, 60, 60)
    other = one.copy()
    other[60:120, 60:120] = (60, 88, 215)  # the same luma
    prints = [print_of(one, 0), print_of(other, 1)]
    assert np.abs(np.subtract(list(prints[0].grey), list(prints[1].grey))).max() < 8
    assert find_copies(prints).near == []


def test_find_copies__files_with_the_same_bytes_are_identical_and_not_near() -> None:
    prints = [print_of(large(seed), name) for seed, name in ((0, "a"), (1, "b"), (0, "a"))]
    prints += [print_of(jpeg(large(0), 60), "c"), print_of(large(0), "a"), print_of(large(1), "b")]
    found = find_copies(prints)
    assert found.identical == [[0, 2, 4], [1, 5]]
    assert [(pair.first, pair.second) for pair in found.near] == [(0, 3)]
    assert found.groups == [0, 1, 0, 0, 0, 1]


@given(st.permutations(range(14)))
@settings(max_examples=15, deadline=None)
def test_find_copies__the_order_of_the_photos_changes_nothing_but_numbers(order: list[int]) -> None:
    prints = [print_of(large(k % 5), k) for k in range(5)]
    prints += [print_of(cropped(large(k), 0.04, 0, 0.02, 0.05), f"crop {k}") for k in range(5)]
    prints += [print_of(np.full((30, 40, 3), 7 * (k % 2), np.uint8), f"b{k}") for k in range(4)]

    def partition(groups: list[int], names: list[int]) -> set[frozenset[int]]:
        return {
            frozenset(n for n, g in zip(names, groups, strict=True) if g == group)
            for group in groups
        }

    one, other = find_copies(prints), find_copies([prints[k] for k in order])
    assert partition(other.groups, order) == partition(one.groups, list(range(14)))
    renamed = []
    for pair in other.near:
        first, second = sorted((order[pair.first], order[pair.second]))
        renamed.append(NearPair(first, second, pair.score, pair.mirrored))
    assert sorted(renamed) == one.near


def test_find_copies__two_crops_are_joined_through_their_original() -> None:
    original = large(3)
    parts = [cropped(original, 0.08, 0.08, 0, 0), cropped(original, 0, 0, 0.08, 0.08)]
    prints = [print_of(picture, k) for k, picture in enumerate([*parts, original])]
    assert find_copies(prints).groups == [0, 0, 0]


def test_find_copies__plain_photos_are_joined_by_equal_pixels_only() -> None:
    x = np.linspace(90, 120, 64).astype(np.uint8)
    slope = np.repeat(np.repeat(x[None], 64, 0)[..., None], 3, 2)
    photos = [
        np.full((64, 64, 3), 255, np.uint8),
        np.full((64, 64, 3), 254, np.uint8),
        np.full((64, 65, 3), 255, np.uint8),
        np.full((64, 64, 3), 255, np.uint8),
        slope,
        slope + np.uint8(1),
        slope.copy(),
    ]
    prints = [print_of(photo, k) for k, photo in enumerate(photos)]
    assert all(print_.plain_pixels for print_ in prints)
    found = find_copies(prints)
    assert found.near == [NearPair(0, 3, 1.0, False), NearPair(4, 6, 1.0, False)]
    assert found.groups == [0, 1, 2, 0, 3, 4, 3]


def test_find_copies__noise_does_not_make_blank_photos_alike() -> None:
    random = np.random.default_rng(0)
    photos = [(200 + random.normal(0, 6, (64, 64, 3))).astype(np.uint8) for _ in range(12)]
    prints = [print_of(photo, k) for k, photo in enumerate(photos)]
    assert not any(print_.plain_pixels for print_ in prints)
    assert find_copies(prints).near == []


def test_find_copies__a_crowd_of_copies_is_one_group_without_every_pair() -> None:
    picture = np.asarray(scene(0, 64))
    n = 5 * candidates.NEAREST
    prints = []
    for k in range(n):
        photo = picture.copy()
        photo[0, 0] = k  # other pixels, the same thumbnail but for a trace
        prints.append(print_of(photo, k))
    found = find_copies(prints)
    assert set(found.groups) == {0}
    assert len(found.near) <= n * candidates.NEAREST < n * (n - 1) // 2


def test_find_copies__thousands_of_blank_photos_cost_one_pair_each() -> None:
    blank = np.full((8, 8, 3), 255, np.uint8)
    found = find_copies([print_of(blank, k) for k in range(3000)])
    assert len(found.near) == 2999
    assert set(found.groups) == {0}


def test_find_copies__only_pairs_that_are_asked_for_fill_a_crowd(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    prints = []
    for k in range(24):  # takes of one picture, each 0.97 like the others, and each with a copy
        noisy = np.asarray(scene(0, 64)) + rng.normal(0, 6, (64, 64, 3))
        photo = np.clip(noisy, 0, 255).astype(np.uint8)
        copy = photo.copy()
        copy[0, 0] ^= 1
        prints += [print_of(photo, k), print_of(copy, f"copy {k}")]
    strict = find_copies(prints, min_score=0.99)
    assert max(Counter(find_copies(prints).groups).values()) > 2 * copies._CROWD
    assert len(strict.near) > 16
    monkeypatch.setattr(copies, "_CROWD", len(prints))
    assert find_copies(prints, min_score=0.99) == strict


def test_fingerprints__take_some_of_others_in_their_order() -> None:
    prints = [print_of(large(seed), seed) for seed in range(4)]
    prints.append(print_of(np.full((8, 8, 3), 255, np.uint8), "blank"))
    with closing(Fingerprints(prints)) as all_, closing(Fingerprints(prints[:1])) as some:
        some.extend(all_, [4, 2])
        assert some.sha256 == [prints[i].sha256 for i in (0, 4, 2)]
        assert [bool(pixels) for pixels in some.plain_pixels] == [False, True, False]
        for found, expected in zip(
            some.thumbnails(np.arange(3)), all_.thumbnails(np.array([0, 4, 2])), strict=True
        ):
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("n", [0, 1])
def test_find_copies__takes_no_photo_and_one(n: int) -> None:
    found = find_copies([print_of(large(0), 0)] * n)
    assert (found.identical, found.near, found.groups) == ([], [], [0] * n)


def test_find_copies__a_lower_score_joins_more() -> None:
    one = large(1)
    other = one.copy()
    ImageDraw.Draw(other).ellipse([80, 80, 110, 110], fill=(250, 250, 250))
    prints = [print_of(one, 0), print_of(other, 1)]
    (pair,) = find_copies(prints, min_score=0.01).near
    assert 0.01 <= pair.score < MIN_SCORE


def test_fingerprint__is_small_and_of_one_size() -> None:
    for size in ((1, 1), (28, 28), (31, 700), (512, 512)):
        print_ = print_of(large(0).resize(size), size)
        assert (len(print_.grey), len(print_.colour)) == (64 * 64, 2 * 16 * 16)
        assert len(print_.plain_pixels) in (0, 32)


def test_fingerprint__takes_arrays_that_are_not_contiguous() -> None:
    pixels = np.asarray(large(0))
    turned = fingerprint(pixels[:, ::-1], "0")
    assert turned == fingerprint(np.ascontiguousarray(pixels[:, ::-1]), "0")
    blank = np.full((40, 40, 3), 9, np.uint8)
    assert fingerprint(blank[::2, ::-2], "0") == fingerprint(blank[:20, :20].copy(), "0")


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (np.zeros((4, 4), np.uint8), r"uint8 of shape \(4, 4\)"),
        (np.zeros((4, 4, 3), np.float32), r"float32 of shape \(4, 4, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 of shape \(0, 4, 3\)"),
    ],
)
def test_fingerprint__refuses_what_is_no_photo(pixels: NDArray[np.uint8], found: str) -> None:
    message = rf"^pixels: expected uint8 of shape \(height, width, 3\), found {found}; decode the "
    with pytest.raises(ValueError, match=message):
        fingerprint(pixels, "0")


def test_candidates__mirroring_a_thumbnail_flips_the_bits_of_its_code() -> None:
    grey = np.asarray(scene(0, 64).convert("L"))[None]
    one = candidates._frequencies(grey)[:, 0]
    other = candidates._frequencies(grey[:, :, ::-1])[:, 0]
    codes = [candidates._pack(values > 0) for values in (one, other)]
    sure = candidates._pack(np.abs(one) > 1e-2)
    assert ((codes[0] ^ candidates._MIRROR) & sure == codes[1] & sure).all()


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
def test_candidates__bits_are_counted(words: list[int]) -> None:
    counted = candidates._count_bits(np.array(words, np.uint64))
    assert counted.tolist() == [word.bit_count() for word in words]


def test_candidates__no_photo_meets_more_than_its_share() -> None:
    random = np.random.default_rng(0)
    base = np.asarray(scene(0, 64).convert("L")).astype(float)
    noise = random.normal(0, 8, (300, 64, 64))
    grey = np.clip(base + noise, 0, 255).astype(np.uint8)
    batches = list(candidates.find_candidates(lambda a, b: grey[a:b], 300))
    whole = np.concatenate([batch.whole for batch in batches])
    part = np.concatenate([batch.part for batch in batches])
    assert np.bincount(whole).max() == candidates.NEAREST
    assert (whole != part).all()


def _prints_under(folder: Path) -> tuple[list[str], list[Fingerprint]]:
    names, prints = [], []
    for path in sorted(folder.rglob("*.jpg")):
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        names.append(str(path.relative_to(folder)))
        prints.append(fingerprint(pixels, hashlib.sha256(data).hexdigest()))
    return names, prints


def test_find_copies__joins_no_two_shots_of_the_lego_photographs(lego: Path) -> None:
    names, prints = _prints_under(lego)
    found = find_copies(prints)
    assert len(found.identical) == 35
    assert [(names[pair.first], names[pair.second]) for pair in found.near] == []


def test_find_copies__joins_no_two_patients_by_resemblance(chest_xrays: Path) -> None:
    prints, grey = [], []
    with zipfile.ZipFile(chest_xrays) as archive:
        for name in sorted(archive.namelist())[::8]:
            data = archive.read(name)
            pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            prints.append(fingerprint(pixels, hashlib.sha256(data).hexdigest()))
            grey.append(pixels)
    for pair in find_copies(prints).near:
        # The set itself holds some pictures twice.
        assert np.array_equal(grey[pair.first], grey[pair.second])
