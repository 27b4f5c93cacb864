"""Which pairs of photos are worth comparing: a hash index that survives small crops and mirroring.

Knows thumbnails and the bits made from them. Does not decide whether two photos are copies.

Each photo gets 64-bit codes of the pHash family: the signs of the 64 lowest frequencies of the
discrete cosine transform of its thumbnail (Zauner, "Implementation and benchmarking of perceptual
image hash functions", 2010). One code is of the whole thumbnail; 81 stand in the index, one for
each way of cutting 0, 4 or 8 % off each of the four sides, so the whole of a cropped copy meets the
matching part of its original. Mirroring flips the signs of the odd horizontal frequencies and
nothing else, so the mirrored code costs one XOR.

The index is multi-index hashing (Norouzi, Punjani, Fleet, "Fast search in Hamming space with
multi-index hashing", CVPR 2012): four tables, each keyed by another 16 bits; codes within a small
Hamming distance agree almost exactly in at least one of them. Which keys next to its own a photo
looks up is decided by its least certain bits (Lv et al., "Multi-probe LSH", VLDB 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from figsight.dataset.fingerprints import GREY_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

CUTS: Final = (0.0, 0.04, 0.08)
MAX_DISTANCE: Final = 11  # bits of 64; made copies have 8 or fewer

# Bounds on the work, whatever the photos look like. Of a bucket larger than BUCKET, a photo sees
# the entries nearest to its own code in sorted order (the sorted neighbourhood of Hernandez and
# Stolfo, "The merge/purge problem for large databases", SIGMOD 1995); of all that it finds, the
# NEAREST.
BUCKET: Final = 512
NEAREST: Final = 32

_FREQUENCIES: Final = 9  # each way; 64 of the 81 pairs are used
_BANDS: Final = 4
_BAND_BITS: Final = 16
_PROBED_BITS: Final = 4
_CHUNK: Final = 512
_SLICE: Final = 2**19


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of photos that may be copies, one array element a pair.

    Attributes:
        whole: int64[N]: the photo whose whole picture...
        part: int64[N]: ...resembles a part of this photo.
        cut: int64[N]: which part, see ``rectangle``.
        mirrored: bool[N]: whether the whole has to be mirrored for that.

    The nearest partner of every photo comes first, then the second nearest, and so on.
    """

    whole: NDArray[np.int64]
    part: NDArray[np.int64]
    cut: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


def rectangle(cut: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64[N, 4]: left, width, top, height of each part as shares of the whole."""
    ways = len(CUTS)
    sides = np.array([(before, 1 - before - after) for before in CUTS for after in CUTS])  # [9, 2]
    return np.concatenate([sides[cut % ways**2], sides[cut // ways**2]], axis=1)


def find_candidates(
    thumbnails: Callable[[int, int], NDArray[np.uint8]], n: int
) -> Iterator[Candidates]:
    """Yield the pairs worth comparing, some hundred photos' worth at a time.

    Linear in the number of photos: no photo is paired with more than ``NEAREST`` others, nor looks
    at more than 128 x ``BUCKET`` entries of the index. So where more than ``NEAREST`` photos are
    about equally near, not all pairs are given. Memory: about 3 kB a photo, with one of the four
    tables at a time.

    Args:
        thumbnails: Gives uint8[stop - start, 64, 64] for (start, stop): the luma thumbnails.
        n: How many photos there are.
    """
    if n < 2:
        return
    codes = np.empty((n, len(CUTS) ** 4), np.uint64)
    certainty = np.empty((n, 64), np.float32)
    for start in range(0, n, _CHUNK):
        stop = min(start + _CHUNK, n)
        values = _frequencies(thumbnails(start, stop))  # [B, 81, 64]
        codes[start:stop] = _pack(values > 0)
        certainty[start:stop] = np.abs(values[:, 0]) * _WEIGHTS
    parts = [slice(start, min(start + _CHUNK, n)) for start in range(0, n, _CHUNK)]
    # The nearest of all four tables are among the nearest of each.
    nearest = [np.empty((5, 0), np.int32) for _ in parts]
    for band in range(_BANDS):
        table = _Table(codes, band)
        for k, part in enumerate(parts):
            found = _search(table, part, codes[part, 0], certainty[part])
            nearest[k] = _keep_nearest(np.concatenate([nearest[k], found], axis=1))
        del table  # before there is the next one
    for part, (who, photo, _, cut, mirror) in zip(parts, nearest, strict=True):
        rank = np.arange(len(who)) - np.searchsorted(who, who)
        order = np.argsort(rank, kind="stable")
        yield Candidates(
            part.start + who[order].astype(np.int64),
            photo[order].astype(np.int64),
            cut[order].astype(np.int64),
            mirror[order].astype(bool),
        )


def _search(
    table: _Table, part: slice, codes: NDArray[np.uint64], certainty: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Find what is near these photos, as they are and mirrored: see ``_keep_nearest``."""
    found: list[NDArray[np.int32]] = []
    for mirrored in (0, 1):
        query = codes ^ _MIRROR if mirrored else codes
        who, photo, cut, distance = table.look_up(query, certainty)
        others = part.start + who != photo
        rows = np.stack([who, photo, distance, cut, np.full_like(who, mirrored)])
        found.append(rows[:, others].astype(np.int32))
    return np.concatenate(found, axis=1)


def _keep_nearest(found: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the ``NEAREST`` photos of each, the nearest first; of several cuts of one, the nearest.

    Args:
        found: int32[5, N]: who asked, the photo, its distance, the cut, and whether mirrored.
    """
    who, photo, distance, cut, mirror = found
    found = found[:, np.lexsort((cut, distance, mirror, photo, who))]
    first = np.ones(found.shape[1], bool)
    first[1:] = (np.diff(found[[0, 1, 4]], axis=1) != 0).any(axis=0)
    found = found[:, first]
    who, photo, distance, cut, mirror = found
    found = found[:, np.lexsort((mirror, photo, distance, who))]
    who = found[0]
    rank = np.arange(len(who)) - np.searchsorted(who, who)
    return np.ascontiguousarray(found[:, rank < NEAREST])


class _Table:
    """Every code of every photo, sorted with one band of 16 bits in front.

    Attributes:
        codes: uint64[M]: the codes turned so that the band is their upper bits, sorted.
        entries: int32[M], or int64[M] from 2^31 on: photo x 81 + cut.
        starts: int64[65537]: where each value of the band begins.
    """

    def __init__(self, codes: NDArray[np.uint64], band: int) -> None:
        self.band = band
        turned = _turn(codes.ravel(), band)
        order = np.argsort(turned, kind="stable")
        self.entries = order.astype(np.int32 if len(order) < 2**31 else np.int64)
        del order
        self.codes = turned[self.entries]
        keys = np.arange(2**_BAND_BITS, dtype=np.uint64) << np.uint64(64 - _BAND_BITS)
        self.starts = np.append(np.searchsorted(self.codes, keys), len(self.codes))
        self.cuts = codes.shape[1]

    def look_up(
        self, codes: NDArray[np.uint64], certainty: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return (row of ``codes``, photo, cut, Hamming distance) of everything near."""
        turned = _turn(codes, self.band)
        bits = np.arange(_BAND_BITS) + self.band * _BAND_BITS
        unsure = np.argsort(certainty[:, bits], axis=1, kind="stable")[:, :_PROBED_BITS]  # [B, 4]
        # Bit 0 of a code is its highest, so bit k of the band stands at 63 - k once turned.
        flips = np.uint64(1) << (63 - unsure).astype(np.uint64)
        chosen = (np.arange(2**_PROBED_BITS)[:, None] >> np.arange(_PROBED_BITS)) & 1  # [16, 4]
        probes = turned[:, None] ^ (chosen.astype(np.uint64) * flips[:, None]).sum(
            axis=2, dtype=np.uint64
        )  # [B, 16]
        keys = (probes >> np.uint64(64 - _BAND_BITS)).astype(np.int64)
        begin, end = self.starts[keys].ravel(), self.starts[keys + 1].ravel()
        crowded = end - begin > BUCKET
        if crowded.any():
            middle = np.searchsorted(self.codes, probes.ravel()[crowded])
            begin[crowded] = np.maximum(begin[crowded], middle - BUCKET // 2)
            end[crowded] = np.minimum(end[crowded], begin[crowded] + BUCKET)
        return self._measure(turned, begin, end)

    def _measure(
        self, turned: NDArray[np.uint64], begin: NDArray[np.int64], end: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        lengths = end - begin
        who = np.repeat(np.arange(len(turned)), 2**_PROBED_BITS)
        found_who, found_entry, found_distance = [], [], []
        # A slice of the ranges at a time, so that crowded buckets do not cost memory.
        total = np.cumsum(lengths)
        ends = np.searchsorted(total, np.arange(_SLICE, total[-1] + _SLICE, _SLICE), side="right")
        for low, high in zip(np.append(0, ends), np.append(ends, len(lengths)), strict=True):
            size = lengths[low:high]
            before = np.cumsum(size) - size
            position = np.arange(size.sum()) + np.repeat(begin[low:high] - before, size)
            asking = np.repeat(who[low:high], size)
            distance = _count_bits(self.codes[position] ^ turned[asking])
            near = distance <= MAX_DISTANCE
            found_who.append(asking[near])
            found_entry.append(self.entries[position[near]].astype(np.int64))
            found_distance.append(distance[near].astype(np.int64))
        entry = np.concatenate(found_entry)
        return (
            np.concatenate(found_who),
            entry // self.cuts,
            entry % self.cuts,
            np.concatenate(found_distance),
        )


def _frequencies(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32[B, 81, 64]: the low frequencies of each part of uint8[B, 64, 64]."""
    ways = len(CUTS) ** 2
    spectrum = _COSINES @ (grey.astype(np.float32) @ _COSINES.T)  # [B, 81, 81]
    parts = spectrum.reshape(len(grey), ways, _FREQUENCIES, ways, _FREQUENCIES)
    chosen = parts[:, :, _ROWS, :, _COLUMNS]  # [64, B, 9, 9]
    return np.ascontiguousarray(np.moveaxis(chosen, 0, -1)).reshape(len(grey), ways**2, 64)


def _cosines() -> NDArray[np.float32]:
    """Return float32[81, 64]: the basis of the DCT-II laid over each part of a side."""
    fine = (np.arange(4 * GREY_SIZE) + 0.5) / (4 * GREY_SIZE)
    rows = []
    for before in CUTS:
        for after in CUTS:
            place = (fine - before) / (1 - before - after)
            inside = (place >= 0) & (place < 1)
            basis = np.cos(np.pi * np.arange(_FREQUENCIES)[:, None] * place) * inside
            # On pixels, a cosine no longer sums to exactly nothing: brightness would leak in.
            basis[1:] -= basis[1:].sum(axis=1, keepdims=True) / inside.sum() * inside
            basis = basis.reshape(_FREQUENCIES, GREY_SIZE, 4).mean(axis=2)
            rows.append(basis / np.linalg.norm(basis, axis=1, keepdims=True))
    return np.concatenate(rows).astype(np.float32)


def _pack(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return uint64[...] of bool[..., 64]; the first bit becomes the highest."""
    packed = np.packbits(bits, axis=-1)  # uint8[..., 8]
    return packed.view(">u8")[..., 0].astype(np.uint64)


def _turn(codes: NDArray[np.uint64], band: int) -> NDArray[np.uint64]:
    """Return the codes rotated so that the band's 16 bits are the highest."""
    if band == 0:
        return codes
    left = np.uint64(band * _BAND_BITS)
    return (codes << left) | (codes >> (np.uint64(64) - left))


_POPULATION: Final = np.array([bin(i).count("1") for i in range(2**16)], np.uint8)


def _count_bits(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return how many bits are set in each word (NumPy has its own only since 2.0)."""
    quarters = words.view(np.uint16).reshape(*words.shape, 4)
    counts: NDArray[np.uint8] = _POPULATION[quarters].sum(axis=-1, dtype=np.uint8)
    return counts


def _pairs_of_frequencies() -> NDArray[np.int64]:
    """Return int64[64, 2]: (vertical, horizontal), lowest first, dealt out to the four bands."""
    every = [(v, u) for v in range(_FREQUENCIES) for u in range(_FREQUENCIES) if v or u]
    every.sort(key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair))
    lowest = np.array(every[:64])
    # Every fourth to the same band, so that each band has its share of the reliable low ones.
    return np.concatenate([lowest[band::_BANDS] for band in range(_BANDS)])


_COSINES: Final = _cosines()
_ROWS, _COLUMNS = _pairs_of_frequencies().T
_MIRROR: Final = _pack(_COLUMNS % 2 == 1)
# Natural pictures hold less of the high frequencies: what is small for a low one is large there.
_WEIGHTS: Final = np.hypot(_ROWS, _COLUMNS).astype(np.float32)
