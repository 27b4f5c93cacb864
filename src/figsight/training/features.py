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
from figsight.training.backbones import LITE0, build
from figsight.training.folding import fold_norms
from figsight.training.machine import choose_device, keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

BATCH = 8  # views: larger ones are no faster on a CPU, and take more memory
FOLDS = 10
SHRINKAGES = (0.03, 0.1, 0.3, 0.6, 0.9)
_CHOOSING = 4000  # photos that the shrinkage is chosen on, at most


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
    """Embeds photos one after another, in batches; keeps 2.5 kB of each.

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
        self._done: list[NDArray[np.float16]] = []

    def fit(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a photo, uint8 [H, W, 3], upright sRGB, as ``add`` takes it; in any thread."""
        return fit(pixels, self._spec)

    def add(self, fitted: NDArray[np.uint8]) -> None:
        """Take a photo: uint8 [side, side, 3]."""
        self._waiting.append(fitted)
        if len(self._waiting) * self._views >= BATCH:
            self._flush()

    def finish(self) -> NDArray[np.float16]:
        """Hand out the embeddings, float16 [N, D], in the order in which photos were added."""
        if self._waiting:
            self._flush()
        self._collect()
        sizes = [len(rows) for rows in self._done]
        embeddings = np.empty((sum(sizes), self._network.head.in_features), np.float16)
        # From the end, letting go of each batch, so that they are never in memory twice.
        for end, size in zip(np.cumsum(sizes)[::-1], sizes[::-1], strict=True):
            embeddings[end - size : end] = self._done.pop()
        return embeddings

    def _flush(self) -> None:
        # No more than one batch ahead: decoding may be faster, and memory must not grow.
        self._collect()
        self._running = self._thread.submit(self._embed, np.stack(self._waiting))
        self._waiting.clear()

    def _collect(self) -> None:
        if self._running is not None:
            self._done.append(self._running.result())
            self._running = None

    @torch.inference_mode()
    def _embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Return float16 [B, D] of uint8 [B, side, side, 3]."""
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
        probabilities: float64 [N, K], rows summing to one.
        judged: bool [N]: whether the photo's class had other photos to learn from.
        shrinkage: What was chosen, in 0..1.
        temperature: What the logits were divided by.
    """

    probabilities: NDArray[np.float64]
    judged: NDArray[np.bool_]
    shrinkage: float
    temperature: float


def predict_unseen(
    embeddings: NDArray[np.floating[Any]],
    labels: Sequence[int],
    groups: Sequence[str],
    classes: int,
    *,
    trusted: NDArray[np.bool_] | None = None,
    shrinkage: float | None = None,
    n_folds: int = FOLDS,
    seed: int = 0,
) -> Unseen:
    """Return out-of-sample probabilities of each photo by k-fold cross-validation.

    The classifier is linear discriminant analysis with the within-class covariance shrunk towards a
    multiple of the identity (Friedman, "Regularized discriminant analysis", JASA 1989):

        S' = (1 - a) S + a (tr S / D) I,    z_k(x) = x' S'^-1 m_k - m_k' S'^-1 m_k / 2 + ln n_k / n

    The shrinkage a is the one of ``SHRINKAGES`` with the least out-of-sample log loss, at its own
    temperature (``calibration.fit_temperature``). Both are single numbers that all photos share, so
    that one photo's label hardly moves them. Closed form: a fold costs two products and one
    Cholesky factorisation, for ten photos or for thousands.

    Args:
        embeddings: [N, D]; half precision will do.
        labels: The class of each photo, 0..classes-1.
        groups: What each photo must stay together with; see ``splits.folds``.
        classes: K; classes without photos get next to no probability.
        trusted: Which photos to learn from, bool [N]; by default all. The others are still asked
            about.
        shrinkage: a, in 0..1; by default it is chosen.
        n_folds: How many times to fit, at most the number of groups.
        seed: Of the deal.

    Raises:
        DataError: There are fewer than two groups.
    """
    y = np.asarray(labels, np.int64)
    learn = np.ones(len(y), np.bool_) if trusted is None else trusted
    x = _unit_rows(embeddings)
    parts = folds(list(map(int, y)), groups, min(n_folds, len(set(groups))), seed)
    data = _Data(x, embeddings.shape[1], y, learn, parts, classes)
    chosen = _choose_shrinkage(data, y, parts) if shrinkage is None else shrinkage
    logits, judged = data.ask(chosen, parts)
    z = _at_one_scale(logits)
    temperature = fit_temperature(z[judged], y[judged]) if judged.any() else 1.0
    return Unseen(softmax(z, temperature), judged, chosen, temperature)


def _choose_shrinkage(
    data: _Data, y: NDArray[np.int64], parts: Sequence[NDArray[np.intp]]
) -> float:
    """Return the shrinkage with the least log loss on (a sample of) the photos left out."""
    step = -(-len(y) // _CHOOSING)
    sample = [part[::step] for part in parts]
    asked = np.concatenate(sample)
    best = (np.inf, SHRINKAGES[0])
    for shrinkage in SHRINKAGES:
        logits, judged = data.ask(shrinkage, sample)
        rows = asked[judged[asked]]
        if len(rows) == 0:
            break
        z = _at_one_scale(logits[rows])
        p = softmax(z, fit_temperature(z, y[rows]))
        loss = float(-np.log(np.maximum(p[np.arange(len(rows)), y[rows]], 1e-12)).mean())
        best = min(best, (loss, shrinkage))
    return best[1]


def _unit_rows(embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the roots of the rows, float32, at length one, centred; turned to at most N columns.

    Roots, because a Gaussian fits them better than means of activations, of which most are near zero
    (Yang, Liu & Xu 2021, "Free lunch for few-shot learning: distribution calibration").

    N photos span N dimensions at most. Turned into these, distances and traces stay as they are,
    and so does everything that the classifier says: it only costs less.
    """
    x = np.abs(embeddings, dtype=np.float32)  # the only copy: of 50,000 photos it takes 256 MB
    np.sqrt(x, out=x)
    np.copysign(x, embeddings, out=x)
    x /= np.maximum(np.sqrt(np.einsum("nd,nd->n", x, x)), 1e-12)[:, None]
    x -= x.mean(axis=0)
    if len(x) >= x.shape[1]:
        return np.asarray(x)
    values, vectors = np.linalg.eigh((x @ x.T).astype(np.float64))  # [N], [N, N]
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)), np.float32)


def _at_one_scale(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale logits so that a temperature of about one fits, whatever the shrinkage."""
    centred = logits - logits.mean(axis=1, keepdims=True)
    return np.asarray(centred / max(float(np.sqrt(np.mean(centred**2))), 1e-12))


class _Data:
    """Embeddings and what is needed of them to leave any fold out.

    Sums over all photos are made once a fold; what is left without a fold is a difference of two.
    """

    def __init__(
        self,
        x: NDArray[np.float32],
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
            rows = part[learn[part]]
            counts = np.bincount(y[rows], minlength=classes)
            sums = np.zeros((classes, x.shape[1]), np.float64)
            np.add.at(sums, y[rows], x[rows])
            self._counts.append(counts)
            self._sums.append(sums)
            self._squares.append((x[rows].T @ x[rows]).astype(np.float64))
        self._count = np.sum(self._counts, axis=0)  # [K]
        self._sum = np.sum(self._sums, axis=0)  # [K, D]
        self._square = np.sum(self._squares, axis=0)  # [D, D]

    def ask(
        self, shrinkage: float, asked: Sequence[NDArray[np.intp]]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return logits [N, K] and judged [N] of the photos asked about, one array of them a fold.

        Rows of photos that were not asked about are zero and not judged.
        """
        logits = np.zeros((len(self._y), self._classes))
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
            said = self._x[rows] @ weights + bias  # [B, K']
            # A class that was not learnt is as improbable as the least probable one that was.
            logits[rows] = said.min(axis=1, keepdims=True)
            logits[np.ix_(rows, np.flatnonzero(known))] = said
            judged[rows] = known[self._y[rows]]
        return logits, judged
