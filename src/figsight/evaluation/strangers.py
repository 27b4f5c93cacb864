"""Pictures of none of the figures, shown to every network of a cross-validation.

Knows the folds, what their networks say, and where that is kept. Scores, rule and threshold come from
``calibration``; judging.py judges by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from figsight import calibration
from figsight.classifier import Outputs, load
from figsight.errors import FigsightError
from figsight.files import write_whole
from figsight.images import CHANGES, change_camera, choose_some

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.classifier import Classifier
    from figsight.dataset import Photo
    from figsight.dataset.groups import Grouped
    from figsight.evaluation.folds import Part
    from figsight.training import Watcher

_MADE = b"5"  # what scores are made of: what was kept of earlier ones is asked for again


@dataclass(frozen=True, eq=False)
class Told:
    """What one fold's network says of n photos of the fold, and of M strangers.

    Attributes:
        known: Scores of the fold's photos by name, float64 [n] each.
        strange: The same scores of the strangers, float64 [M] each.
        logits: Of the strangers, float32 [M, K].
    """

    known: dict[str, NDArray[np.float64]]
    strange: dict[str, NDArray[np.float64]]
    logits: NDArray[np.float32]


def ask_strangers(
    part: Part,
    found: Grouped,
    strangers: Grouped,
    make: Callable[[], None],
    watch: Watcher,
) -> Told | calibration.Refusal:
    """Ask a fold's bundle about its photos and about strangers; what it once said is kept.

    Args:
        part: The fold.
        found: All photos of the cross-validation.
        strangers: Pictures of none of its figures.
        make: Makes the fold's bundle, unless it is there; called when it is needed.
        watch: Is told how it goes.

    Returns:
        A ``Refusal`` when the fold's network learned from one photo of each figure, or copies of it.
    """
    path = part.model.with_suffix(".unknown.safetensors")
    key = np.frombuffer(bytes.fromhex("".join(strangers.sha256)) + _MADE, np.uint8)
    told = _read(path, key)
    if told is not None:
        return told
    photos, labels = found.dataset.photos, np.array(found.dataset.labels(), np.int64)
    kept = np.setdiff1d(np.arange(len(photos)), part.held)
    refusal = calibration.refuse_single(labels[kept])
    if refusal is not None:
        return refusal
    make()
    watch.begin("asking about unknown pictures", len(strangers.sha256))
    with load(part.model) as classifier:
        own, held = (_ask(classifier, [photos[i] for i in which]) for which in (kept, part.held))
        others = _ask(classifier, strangers.dataset.photos, watch.advance)
        shifts = _find_shifts(classifier, [photos[i] for i in kept], own)
    scorer = calibration.fit_scorer(own.embedding, labels[kept], style=own.style, shifts=shifts)
    if isinstance(scorer, calibration.Refusal):
        return scorer
    known, strange = (scorer.scores(one.logits, one.embedding, one.style) for one in (held, others))
    told = Told(known, strange, others.logits)
    write_whole({path: _pack(told, key)})
    return told


def _ask(
    classifier: Classifier,
    photos: Sequence[Photo],
    progress: Callable[[int], None] | None = None,
) -> Outputs:
    """Return what the network gives for photos that can all be read."""
    said: list[Outputs] = []
    for result in classifier.run_each(photos):
        if isinstance(result, FigsightError):
            raise result
        said.append(result[1])
        if progress is not None:
            progress(len(said))
    styles = [one.style for one in said if one.style is not None]
    return Outputs(
        logits=np.concatenate([one.logits for one in said]),
        embedding=np.concatenate([one.embedding for one in said]),
        style=np.concatenate(styles) if styles else None,
    )


def _find_shifts(
    classifier: Classifier, photos: Sequence[Photo], own: Outputs
) -> list[NDArray[np.float32]]:
    """Return what other cameras do to the styles of some photos, [n, S] for each of ``CHANGES``.

    Args:
        classifier: Of the fold.
        photos: That its network learned from, N.
        own: What it gives for them.
    """
    if own.style is None:
        return []
    shifts: list[list[NDArray[np.float32]]] = [[] for _ in CHANGES]
    for number, i in enumerate(choose_some(len(photos)).tolist()):
        pixels = classifier.prepare(photos[i])[np.newaxis]
        for kind, changed in zip(shifts, change_camera(pixels, number), strict=True):
            style = classifier.run(changed).style
            assert style is not None  # noqa: S101 - the network gave one of the photo as it is
            kind.append(style[0] - own.style[i])
    return [np.stack(kind) for kind in shifts]


def _pack(told: Told, key: NDArray[np.uint8]) -> bytes:
    return save_arrays(
        {
            "sha256": key,
            "logits": np.ascontiguousarray(told.logits),
            **{f"known.{name}": scores for name, scores in told.known.items()},
            **{f"strange.{name}": scores for name, scores in told.strange.items()},
        }
    )


def _read(path: Path, key: NDArray[np.uint8]) -> Told | None:
    """Return answers that were kept; None when there are none about these strangers."""
    try:
        arrays = load_arrays(path.read_bytes())
        if not np.array_equal(arrays["sha256"], key):
            return None
        known, strange = (
            {name.removeprefix(of): array for name, array in arrays.items() if name.startswith(of)}
            for of in ("known.", "strange.")
        )
        return Told(known, strange, arrays["logits"])
    except (FileNotFoundError, SafetensorError, KeyError):
        return None  # not asked yet: this is what the file is for
