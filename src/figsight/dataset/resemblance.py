"""Are two photos one shot? Lays one thumbnail over the other and looks for where they disagree.

Knows pairs of thumbnails. Does not know how the pairs were found, nor files or labels.

Three steps, each for many pairs at once:

1. Alignment. Starting from a rough rectangle, Gauss-Newton finds offset and scale of each axis
   together with a gain and an offset of brightness (Lucas & Kanade, "An iterative image
   registration technique", IJCAI 1981), coarse first, then fine; pairs that cannot be copies are
   dropped on the way.
2. Score. The normalised cross-correlation (Lewis, "Fast normalized cross-correlation", 1995) of the
   *detail* of both, that is without what is smooth: two shots of one scene agree in what is smooth,
   copies agree in the detail as well. Taken over the whole, and over every window of a quarter of
   the side; the least of all is the score, so one spot that differs (another face, another print
   on the torso) is enough to keep two photos apart.
3. Colour. The chroma has to agree everywhere, too, up to a gain and an offset.

Correlation is blind to brightness and contrast. What clipping to white or black takes away is made
up for by clipping the other photo in the same way before comparing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from figsight.dataset.fingerprints import detail, smooth

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# Measured by benchmarks/copies.py; see docs/decisions/0003-near-duplicates.md.
MIN_SCORE: Final = 0.965
MAX_COLOUR_ERROR: Final = 24.0  # RMS over a window of 1/8 of the side, in levels of 255

# What a pair must reach to be looked at more closely; made copies have at least 0.06 more.
_MIN_AT_FIRST: Final = 0.78  # correlation at 16 x 16, before alignment
_MIN_AT_16: Final = 0.62  # correlation of detail, after
_MIN_AT_32: Final = 0.82

_WINDOW: Final = 16  # pixels of 64
_STEP: Final = 4
# Variance (in squared grey levels) at which a window counts as having detail: 7 levels. In windows
# with less, rounding and compression would decide.
_NOISE: Final = 50.0
_MAX_OFFSET, _MIN_SCALE, _MAX_SCALE = 0.15, 0.75, 1.12


class Thumbnails(NamedTuple):
    """The thumbnails of several photos.

    Attributes:
        grey: uint8[N, 64, 64]: luma.
        colour: uint8[N, 2, 16, 16]: chroma.
    """

    grey: NDArray[np.uint8]
    colour: NDArray[np.uint8]


def mirror(photos: Thumbnails) -> Thumbnails:
    """Return the same photos with left and right exchanged."""
    return Thumbnails(photos.grey[..., ::-1], photos.colour[..., ::-1])


def resemble(
    whole: Thumbnails, part: Thumbnails, rectangles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how certainly each ``whole`` shows what some rectangle of its ``part`` shows.

    Args:
        whole: N photos.
        part: N photos.
        rectangles: float64[N, 4]: where in ``part`` to start: left, width, top, height, as shares
            of its sides, right within about 3 %.

    Returns:
        float64[N], in [0, 1]: the least correlation of detail, of the whole and of every window; 0
        where colours differ by more than ``MAX_COLOUR_ERROR``, or nothing fits. Copies have
        ``MIN_SCORE`` or more.
    """
    scores = np.zeros(len(rectangles))
    left, fit = _sift(part.grey, whole.grey, rectangles)
    if len(left) == 0:
        return scores
    a, b = part.grey[left].astype(np.float32), whole.grey[left].astype(np.float32)  # [M, 64, 64]
    fit = _align(smooth(a), smooth(b), fit, steps=2)
    overlap, laid = _lay(a, fit, _cubic)
    score = _clipped_score(laid, b, overlap)
    colours = part.colour[left].astype(np.float32), whole.colour[left].astype(np.float32)
    good = _is_possible(fit) & (_colour_error(*colours, fit) <= MAX_COLOUR_ERROR)
    scores[left] = np.where(good, np.clip(score, 0, 1), 0)
    return scores


def _sift(
    a: NDArray[np.uint8], b: NDArray[np.uint8], fit: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Align roughly, on smaller thumbnails; drop the pairs that cannot be copies.

    Returns:
        int64[M]: the pairs that are left, and float64[M, 4]: their rectangles.
    """
    left = np.arange(len(fit))
    small_a, small_b = _shrink(a, 4), _shrink(b, 4)  # [N, 16, 16]
    overlap, laid = _lay(small_a, fit, _linear)
    keep = np.flatnonzero(_correlate(laid, small_b, overlap) >= _MIN_AT_FIRST)
    left, fit, small_a, small_b = left[keep], fit[keep], small_a[keep], small_b[keep]
    for factor, least in ((4, _MIN_AT_16), (2, _MIN_AT_32)):
        if factor == 2:
            small_a = smooth(_shrink(a[left], 2))  # [M, 32, 32]
            small_b = smooth(_shrink(b[left], 2))
        fit = _align(small_a, small_b, fit, steps=2)
        overlap, laid = _lay(small_a, fit, _linear)
        alike = _correlate(detail(laid), detail(small_b), overlap)
        keep = np.flatnonzero((alike >= least) & _is_possible(fit))
        left, fit = left[keep], fit[keep]
    return left, fit


def _is_possible(fit: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each alignment is one that a small crop on either side can give."""
    scale, start = fit[:, 1::2], fit[:, 0::2]
    possible = (scale >= _MIN_SCALE) & (scale <= _MAX_SCALE)
    possible &= np.abs(start) <= _MAX_OFFSET
    every: NDArray[np.bool_] = np.all(possible, axis=1)
    return every


def _shrink(planes: NDArray[np.uint8], factor: int) -> NDArray[np.float32]:
    """Return float32[N, S / factor, S / factor], the means of squares of pixels."""
    return _windows(planes.astype(np.float32), factor, factor)


def _linear(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.maximum(0, 1 - distance)


def _cubic(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cubic convolution (Keys, 1981), a = -0.5: keeps detail that linear interpolation blurs."""
    d = distance
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    weight: NDArray[np.float32] = np.where(d < 1, near, np.where(d < 2, far, 0))
    return weight


def _lay(
    planes: NDArray[np.float32],
    fit: NDArray[np.float64],
    kernel: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut the rectangle out of each plane and bring it to full size.

    Args:
        planes: float32[N, ..., S, S].
        fit: float64[N, 4]: left, width, top, height.
        kernel: The weight of a pixel by its distance.

    Returns:
        float32[N, S, S], 1 where the rectangle lies inside, and float32[N, ..., S, S].
    """
    size = planes.shape[-1]
    middles = (np.arange(size) + 0.5) / size
    weights, inside = [], []
    for start, scale in ((fit[:, 2], fit[:, 3]), (fit[:, 0], fit[:, 1])):
        place = (start[:, None] + scale[:, None] * middles) * size - 0.5  # [N, S]
        inside.append((place > -0.75) & (place < size - 0.25))
        place = np.clip(place, 0, size - 1).astype(np.float32)
        weight = kernel(np.abs(place[:, :, None] - np.arange(size, dtype=np.float32)))
        weights.append(weight / weight.sum(axis=2, keepdims=True))
    rows, columns = weights
    columns = columns.transpose(0, 2, 1)
    if planes.ndim == 4:
        rows, columns = rows[:, None], columns[:, None]
    overlap = (inside[0][:, :, None] & inside[1][:, None, :]).astype(np.float32)
    return overlap, rows @ planes @ columns


def _align(
    a: NDArray[np.float32], b: NDArray[np.float32], fit: NDArray[np.float64], steps: int
) -> NDArray[np.float64]:
    """Improve the rectangles of ``a`` that look like ``b``, both float32[N, S, S]."""
    n, size, _ = a.shape
    down, right = np.gradient(a, 1 / size, axis=(1, 2))
    planes = np.stack([a, right, down], axis=1)  # [N, 3, S, S]
    x = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    ridge = np.diag([1e-2] * 6)
    for _ in range(steps):
        overlap, laid = _lay(planes, fit, _linear)
        laid *= overlap[:, None]
        along, across = laid[:, 1], laid[:, 2]
        # b = gain * (a + dx * along + dw * x * along + dy * across + dh * y * across) + offset
        terms = np.stack(
            [laid[:, 0], along, along * x, across, across * x[:, None], overlap], axis=1
        ).reshape(n, 6, size * size)
        aim = (b * overlap).reshape(n, size * size, 1)
        square = (terms @ terms.transpose(0, 2, 1)).astype(np.float64) + ridge
        answer = np.linalg.solve(square, (terms @ aim).astype(np.float64))[..., 0]  # [N, 6]
        gain = np.where(np.abs(answer[:, 0]) < 0.2, 0.2, answer[:, 0])
        move = answer[:, 1:5] / gain[:, None]
        shift = np.clip(move[:, 0::2], -0.03, 0.03)
        growth = np.clip(move[:, 1::2], -0.06, 0.06)
        fit = fit.copy()
        fit[:, 0::2] += shift - growth / 2  # growth is about the middle, a rectangle has a corner
        fit[:, 1::2] += growth
    return fit


def _brightness(
    a: NDArray[np.float32], b: NDArray[np.float32], overlap: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return float32[N, 1, 1] twice: b = gain * a + offset where neither is clipped."""
    open_ = overlap * ((a > 8) & (a < 247) & (b > 8) & (b < 247))
    enough = open_.sum(axis=(1, 2), keepdims=True) > 0.15 * a[0].size
    weight = np.where(enough, open_, overlap)
    total = weight.sum(axis=(1, 2), keepdims=True) + np.float32(1e-6)
    mean_a = (a * weight).sum(axis=(1, 2), keepdims=True) / total
    mean_b = (b * weight).sum(axis=(1, 2), keepdims=True) / total
    da, db = (a - mean_a) * weight, b - mean_b
    slope = (da * db).sum(axis=(1, 2), keepdims=True)
    slope /= (da * (a - mean_a)).sum(axis=(1, 2), keepdims=True) + np.float32(1e-3)
    gain = np.clip(slope, np.float32(0.3), np.float32(3))
    return gain, mean_b - gain * mean_a


def _clipped_score(
    a: NDArray[np.float32], b: NDArray[np.float32], overlap: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return ``_detail_score``, the best over either photo being clipped as the other one is."""
    gain, offset = _brightness(a, b, overlap)
    there, back = gain * a + offset, (b - offset) / gain
    score = _detail_score(there, b, overlap)
    for bare, other in ((there, b), (back, a)):
        clipped = np.clip(bare, 0, 255)
        # A few pixels beyond the range, where the interpolation swings, are no clipping.
        some = np.flatnonzero((clipped != bare).mean(axis=(1, 2)) > 0.005)
        if len(some):
            again = _detail_score(clipped[some], other[some], overlap[some])
            score[some] = np.maximum(score[some], again)
    return score


def _detail_score(
    a: NDArray[np.float32], b: NDArray[np.float32], overlap: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the least correlation of detail: of the whole, and of every window."""
    a, b = smooth(a), smooth(b)
    a, b = detail(a), detail(b)
    whole = _correlate(a, b, overlap)
    a, b = a * overlap, b * overlap
    planes = np.stack([overlap, a, b, a * a, b * b, a * b])
    share, *sums = _windows(planes, _WINDOW, _STEP)
    mean_a, mean_b, square_a, square_b, both = (x / np.maximum(share, 1e-6) for x in sums)
    var_a, var_b = np.maximum(square_a - mean_a**2, 0), np.maximum(square_b - mean_b**2, 0)
    common = both - mean_a * mean_b
    local = (common + _NOISE) / (np.sqrt(var_a * var_b) + _NOISE)
    least = np.where(share > 0.6, local, 1).min(axis=(1, 2))
    score: NDArray[np.float64] = np.minimum(whole, least)
    return score


def _correlate(
    a: NDArray[np.float32], b: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the normalised cross-correlation of each pair, a border of 1/16 left out."""
    edge = a.shape[-1] // 16
    a, b, weight = (x[:, edge:-edge, edge:-edge] for x in (a, b, weight))
    total = weight.sum(axis=(1, 2), keepdims=True) + np.float32(1e-6)
    da = (a - (a * weight).sum(axis=(1, 2), keepdims=True) / total) * weight
    db = (b - (b * weight).sum(axis=(1, 2), keepdims=True) / total) * weight
    common = (da * db).sum(axis=(1, 2), dtype=np.float64)
    power = (da * da).sum(axis=(1, 2), dtype=np.float64) * (db * db).sum(axis=(1, 2))
    correlation: NDArray[np.float64] = common / np.sqrt(power + 1e-9)
    return correlation


def _windows(planes: NDArray[np.float32], size: int, step: int) -> NDArray[np.float32]:
    """Return the mean over every window of size x size, at every ``step`` pixels: [..., K, K]."""
    mean = _window_means(planes.shape[-1], size, step)
    return np.asarray(mean @ planes @ mean.T, np.float32)


@functools.cache
def _window_means(side: int, size: int, step: int) -> NDArray[np.float32]:
    """Return float32[K, side]: the mean over every stretch of ``size`` pixels, as a matrix."""
    starts = np.arange(0, side - size + 1, step)[:, None]
    pixels = np.arange(side)
    covered: NDArray[np.bool_] = (pixels >= starts) & (pixels < starts + size)
    return covered.astype(np.float32) / np.float32(size)


def _colour_error(
    a: NDArray[np.float32], b: NDArray[np.float32], fit: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the largest RMS difference of chroma over windows of 1/8 of the side, [N]."""
    overlap, laid = _lay(a, fit, _linear)  # [N, 16, 16], [N, 2, 16, 16]
    weight = overlap[:, None]
    total = weight.sum(axis=(2, 3), keepdims=True) + np.float32(1e-6)
    a, b = smooth(laid), smooth(b)
    da = (a - (a * weight).sum(axis=(2, 3), keepdims=True) / total) * weight
    db = (b - (b * weight).sum(axis=(2, 3), keepdims=True) / total) * weight
    # One gain for both: saturation may change a little, hue may not.
    gain = (da * db).sum(axis=(1, 2, 3)) / ((da * da).sum(axis=(1, 2, 3)) + 1)
    gain = np.clip(gain, 0.5, 2)[:, None, None, None]
    rest = gain * da - db
    error = _windows((rest * rest).sum(axis=1), a.shape[-1] // 8, 1).max(axis=(1, 2))
    worst: NDArray[np.float64] = np.sqrt(error)
    return worst
