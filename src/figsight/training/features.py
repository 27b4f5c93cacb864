"""Class probabilities of every labelled photo, out-of-sample, without training a network.

A frozen ImageNet network turns photos into embeddings, as they are decoded; a linear classifier on
these is fitted in closed form, many times, each time without the photos that it is then asked
about. Knows pixels, labels and groups. Does not know files, nor what the probabilities are for: the
audit uses them to find labels that look wrong.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from figsight.calibration import fit_temperature, softmax
from figsight.dataset.splits import folds
from figsight.images import InputSpec, fit
from figsight.rows import Rows
from figsight.training.backbones import LITE0, build
from figsight.training.folding import fold_norms
from figsight.training.machine import alone, choose_device, keep_freed_memory
from figsight.training.symmetry import MIRRORED, SIDE, find_changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.rows import RowsLike

BATCH = 8  # views: larger ones are no faster on a CPU, and take more memory
AUDIT_FOLDS = 10
SHRINKAGES = (0.03, 0.1, 0.3, 0.6, 0.9)
_CHOOSING = 4000  # photos that the shrinkage is chosen on, at most
_ROWS = 1024  # embeddings in memory at a time


@dataclass(frozen=True, slots=True)
class Effort:
    """How closely photos are looked at.

    Attributes:
        side: Pixels of the network's input.
        views: 2 to look at the mirror image, too, and take the mean; or 1.
    """

    side: int
    views: int


def choose_effort(photos: int) -> Effort:
    """Return what can be afforded: the fewer photos there are, the more each of them matters.

    Of 396 photographs of 37 figures with 5 % of the labels swapped, the first tenth of the list
    held 0.95, 0.93, 0.91 and 0.83 of the swapped ones on average; a photo took 34, 19, 18 and 13 ms
    of one core. With the last, 50,000 photos take 11 minutes of one core.
    """
    for most, effort in (
        (3_000, Effort(224, 2)),
        (10_000, Effort(224, 1)),
        (20_000, Effort(192, 1)),
    ):
        if photos <= most:
            return effort
    return Effort(160, 1)


class Embedder:
    """Embeds photos one after another, in batches; keeps 2.5 kB of each, of many in a file.

    The network runs in a thread of its own, one batch behind: whoever decodes need not wait for it.

    Args:
        effort: How closely to look; see ``choose_effort``.
        weights: Other weights of the network: a safetensors file, or ``"random"``; by default the
            ImageNet weights that come with pip.

    Raises:
        WeightsError: The weights are not there.
    """

    def __init__(self, effort: Effort, weights: Path | str | None = None) -> None:
        self._spec = InputSpec(effort.side, effort.side)
        self._views = effort.views
        keep_freed_memory()
        self._device = choose_device()
        network, _ = build(LITE0, 1, weights=weights)
        fold_norms(network.backbone)
        # Half the time on a CPU.
        self._network = network.eval().to(self._device).to(memory_format=torch.channels_last)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="figsight-embed")
        self._running: Future[NDArray[np.float16]] | None = None
        self._waiting: list[NDArray[np.uint8]] = []
        self._done = self._start()

    def fit(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a photo, uint8 [H, W, 3], upright sRGB, as ``add`` takes it; in any thread."""
        return fit(pixels, self._spec)

    def add(self, fitted: NDArray[np.uint8]) -> None:
        """Take a photo: uint8 [side, side, 3]."""
        self._waiting.append(fitted)
        if len(self._waiting) * self._views >= BATCH:
            self._flush()

    def finish(self) -> Rows[np.float16]:
        """Hand out the embeddings, float16 [N, D], in the order in which photos were added.

        Who asks for them closes them. The next photo begins new ones.
        """
        if self._waiting:
            self._flush()
        self._collect()
        done, self._done = self._done, self._start()
        return done

    def find_mirror_images(
        self, fitted: NDArray[np.uint8], labels: NDArray[np.intp]
    ) -> list[tuple[int, int]]:
        """Return the labels that become each other when photos are mirrored; see ``symmetry``.

        Args:
            fitted: uint8 [N, side, side, 3].
            labels: [N], 0..K-1, of two classes at least.
        """
        side = min(SIDE, fitted.shape[1])
        with alone():
            found = find_changes(self._network, fitted, labels, [MIRRORED], side, self._device)
        return [(one.figure, one.becomes) for one in found[MIRRORED] if one.figure < one.becomes]

    def close(self) -> None:
        """Let go of embeddings that were not handed out."""
        self._thread.shutdown()
        self._done.close()

    def _start(self) -> Rows[np.float16]:
        return Rows((self._network.head.in_features,), np.float16)

    def _flush(self) -> None:
        # No more than one batch ahead: decoding may be faster, and memory must not grow.
        self._collect()
        self._running = self._thread.submit(self._embed, np.stack(self._waiting))
        self._waiting.clear()

    def _collect(self) -> None:
        if self._running is not None:
            self._done.extend(self._running.result())
            self._running = None

    @torch.inference_mode()
    def _embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Return float16 [B, D] of uint8 [B, side, side, 3]; waits for a training of this process."""
        with alone():
            return self._look(pixels)

    def _look(self, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        batch = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2)
        inputs = self._network.scale(batch).contiguous(memory_format=torch.channels_last)
        if self._views == 2:
            inputs = torch.cat([inputs, inputs.flip(3)])
        embedding = self._network.parts(inputs).embedding  # [V B, D]
        mean = embedding.view(self._views, len(pixels), -1).mean(dim=0)  # [B, D]
        return mean.cpu().numpy().astype(np.float16)


@dataclass(frozen=True, eq=False)
class Unseen:
    """What classifiers that never saw a photo, nor what belongs to it, say of it.

    Attributes:
        probabilities: float32 [N, K], rows summing to one.
        judged: bool [N]: whether the photo's class had other photos to learn from.
        shrinkage: What was chosen, in 0..1.
        temperature: What the logits were divided by.
    """

    probabilities: NDArray[np.float32]
    judged: NDArray[np.bool_]
    shrinkage: float
    temperature: float


def predict_unseen(
    embeddings: RowsLike[np.floating[Any]],
    labels: Sequence[int],
    groups: Sequence[str],
    classes: int,
    *,
    trusted: NDArray[np.bool_] | None = None,
    shrinkage: float | None = None,
    n_folds: int = AUDIT_FOLDS,
) -> Unseen:
    """Return out-of-sample probabilities of each photo by k-fold cross-validation.

    The classifier is linear discriminant analysis with the within-class covariance shrunk towards a
    multiple of the identity (Friedman, "Regularized discriminant analysis", JASA 1989):

        S' = (1 - a) S + a (tr S / D) I,    z_k(x) = x' S'^-1 m_k - m_k' S'^-1 m_k / 2 + ln n_k / n

    The shrinkage a is the one of ``SHRINKAGES`` with the least out-of-sample log loss, at its own
    temperature (``calibration.fit_temperature``). Both are single numbers that all photos share, so
    that one photo's label hardly moves them. Closed form: a fold costs two products and one
    LU factorisation, for ten photos or for thousands.

    Args:
        embeddings: [N, D]; half precision will do.
        labels: The class of each photo, 0..classes-1.
        groups: What each photo must stay together with; see ``splits.folds``.
        classes: K; classes without photos get next to no probability.
        trusted: Which photos to learn from, bool [N]; by default all. The others are still asked
            about.
        shrinkage: a, in 0..1; by default it is chosen.
        n_folds: How many times to fit, at most the number of groups.

    Raises:
        DataError: There are fewer than two groups.
    """
    y = np.asarray(labels, np.int64)
    learn = np.ones(len(y), np.bool_) if trusted is None else trusted
    parts = folds(list(map(int, y)), groups, min(n_folds, len(set(groups))), seed=0)
    data = _Data(_centre(embeddings), embeddings.shape[1], y, learn, parts, classes)
    chosen = _choose_shrinkage(data, y, parts) if shrinkage is None else shrinkage
    logits, judged = data.ask(chosen, parts)
    asked = np.flatnonzero(judged)[:: _sampling(len(y))]
    scale = _scale(logits)
    temperature = fit_temperature(logits[asked] / scale, y[asked]) if len(asked) else 1.0
    # In place: N photos times K classes may be many numbers.
    for rows in _some_at_a_time(np.arange(len(y))):
        logits[rows] = softmax(logits[rows], temperature * scale)
    return Unseen(logits, judged, chosen, temperature)


def _choose_shrinkage(
    data: _Data, y: NDArray[np.int64], parts: Sequence[NDArray[np.intp]]
) -> float:
    """Return the shrinkage with the least log loss on (a sample of) the photos left out."""
    sample = [part[:: _sampling(len(y))] for part in parts]
    asked = np.concatenate(sample)
    best = (np.inf, SHRINKAGES[0])
    for shrinkage in SHRINKAGES:
        logits, judged = data.ask(shrinkage, sample)
        rows = asked[judged[asked]]
        if len(rows) == 0:
            break
        z = logits[rows] / _scale(logits[rows])
        p = softmax(z, fit_temperature(z, y[rows]))
        loss = float(-np.log(np.maximum(p[np.arange(len(rows)), y[rows]], 1e-12)).mean())
        best = min(best, (loss, shrinkage))
    return best[1]


def _unit_rows(embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the roots of the rows, float32, at length one: ``strangeness.direct`` in half the memory.

    Roots, because a Gaussian fits them better than means of activations, of which most are near zero
    (Yang, Liu & Xu 2021, "Free lunch for few-shot learning: distribution calibration").
    """
    x: NDArray[np.float32] = np.sqrt(np.abs(embeddings, dtype=np.float32))
    np.copysign(x, embeddings, out=x)
    x /= np.maximum(np.sqrt(np.einsum("nd,nd->n", x, x)), 1e-12)[:, None]
    return x


class _Centred:
    """The unit rows of many embeddings around their mean, made as they are asked for: float32 [N, D]."""

    def __init__(self, embeddings: RowsLike[np.floating[Any]]) -> None:
        self.shape, self._embeddings = embeddings.shape, embeddings
        self._mean = np.zeros(self.shape[1], np.float32)
        sums = np.zeros(self.shape[1])
        for rows in _some_at_a_time(np.arange(self.shape[0])):
            sums += self[rows].sum(axis=0, dtype=np.float64)
        self._mean = (sums / max(1, self.shape[0])).astype(np.float32)

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        x = _unit_rows(self._embeddings[rows])
        x -= self._mean
        return x


def _centre(embeddings: RowsLike[np.floating[Any]]) -> RowsLike[np.float32]:
    """Return unit rows around their mean; of fewer than D, turned to N columns.

    N photos span N dimensions at most. Turned into these, distances and traces stay as they are,
    and so does everything that the classifier says: it only costs less.
    """
    centred = _Centred(embeddings)
    n, d = embeddings.shape
    if n >= d:
        return centred
    x = centred[np.arange(n)]
    values, vectors = np.linalg.eigh((x @ x.T).astype(np.float64))  # [N], [N, N]
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)), np.float32)


def _some_at_a_time(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield so many rows at a time that float32 embeddings of them take a few megabytes."""
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS]


def _sampling(photos: int) -> int:
    """Return the step that takes at most ``_CHOOSING`` of them."""
    return -(-photos // _CHOOSING)


def _scale(logits: NDArray[np.float32]) -> float:
    """Return what to divide logits by so that a temperature of about one fits, whatever the shrinkage."""
    squares = sum(float(np.vdot(row, row)) for row in logits)
    return max(float(np.sqrt(squares / max(1, logits.size))), 1e-12)


class _Data:
    """Embeddings and what is needed of them to leave any fold out.

    Sums over all photos are made once a fold; what is left without a fold is a difference of two.
    """

    def __init__(
        self,
        x: RowsLike[np.float32],
        d: int,
        y: NDArray[np.int64],
        learn: NDArray[np.bool_],
        parts: Sequence[NDArray[np.intp]],
        classes: int,
    ) -> None:
        self._x, self._d, self._y, self._classes = x, d, y, classes
        self._counts: list[NDArray[np.int64]] = []
        self._sums: list[NDArray[np.float64]] = []
        self._squares: list[NDArray[np.float64]] = []
        for part in parts:
            counts = np.zeros(classes, np.int64)
            sums = np.zeros((classes, x.shape[1]))
            squares = np.zeros((x.shape[1], x.shape[1]))
            for rows in _some_at_a_time(part[learn[part]]):
                some = x[rows]
                counts += np.bincount(y[rows], minlength=classes)
                np.add.at(sums, y[rows], some)
                squares += some.T @ some
            self._counts.append(counts)
            self._sums.append(sums)
            self._squares.append(squares)
        self._count = np.sum(self._counts, axis=0)  # [K]
        self._sum = np.sum(self._sums, axis=0)  # [K, D]
        self._square = np.sum(self._squares, axis=0)  # [D, D]

    def ask(
        self, shrinkage: float, asked: Sequence[NDArray[np.intp]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return logits [N, K] and judged [N] of the photos asked about, one array of them a fold.

        Rows of logits have the mean zero. Those of photos that were not asked about are zero and
        not judged.
        """
        logits = np.zeros((len(self._y), self._classes), np.float32)
        judged = np.zeros(len(self._y), np.bool_)
        for fold, rows in enumerate(asked):
            counts, sums = self._count - self._counts[fold], self._sum - self._sums[fold]
            squares = self._square - self._squares[fold]
            known = counts > 0
            if known.sum() < 2 or len(rows) == 0:
                continue
            means = sums[known] / counts[known, None]  # [K', D]
            n = counts.sum()
            within = (squares - (means.T * counts[known]) @ means) / max(n - known.sum(), 1)
            spread = max(float(np.trace(within)) / self._d, 1e-12)
            within *= 1 - shrinkage
            within[np.diag_indices(len(within))] += shrinkage * spread
            weights = np.linalg.solve(within, means.T)  # [D, K']
            bias = np.log(counts[known] / n) - 0.5 * np.einsum("kd,dk->k", means, weights)
            judged[rows] = known[self._y[rows]]
            for some in _some_at_a_time(rows):
                said = self._x[some] @ weights + bias  # [B, K']
                # A class that was not learnt is as improbable as the least probable one that was.
                every = np.tile(said.min(axis=1, keepdims=True), self._classes)  # [B, K]
                every[:, known] = said
                logits[some] = every - every.mean(axis=1, keepdims=True)
        return logits, judged
