"""One fold: a network trained without some photos, and what its bundle said of them.

Knows where finished folds are kept. Does not know how photos are dealt, nor what becomes of answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from figsight.classifier import load
from figsight.evaluation.evidence import explain_mistakes, pack_grounds, unpack_grounds
from figsight.files import write_whole
from figsight.training import Silence
from figsight.training.workplace import Workplace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.dataset import Dataset
    from figsight.evaluation.results import Grounds
    from figsight.training import Watcher
    from figsight.training.checkpoint import EpochRecord


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the photos, and where the network that never sees it lies.

    Attributes:
        repeat: Which deal, from 0.
        number: Which part of it, from 0.
        held: The photos of the part, intp [N].
        folder: Where finished folds are kept.
    """

    repeat: int
    number: int
    held: NDArray[np.intp]
    folder: Path

    @property
    def model(self) -> Path:
        """The bundle that is trained on the other parts."""
        return self.folder / f"repeat-{self.repeat + 1}-fold-{self.number + 1}"

    @property
    def answers(self) -> Path:
        """What that bundle said of the part; the fold is finished when this file is there."""
        return self.model.with_suffix(".safetensors")

    @property
    def is_trained(self) -> bool:
        """Whether there is nothing to train: a bundle is written whole or not at all."""
        return self.answers.exists() or self.model.exists()


@dataclass(frozen=True, eq=False)
class Answers:
    """What one bundle said of the photos of its part.

    Attributes:
        logits: float32 [N, K].
        grounds: What spoke for its mistakes, by their place in the part.
        history: The epochs of its training as CSV; empty when the bundle has none.
        about: What the bundle says of its training that all folds share.
        seconds: What the training took.
    """

    logits: NDArray[np.float32]
    grounds: Mapping[int, Grounds]
    history: str
    about: dict[str, Any]
    seconds: float


class Named(Silence):
    """Passes the epochs of one fold's training on, under the fold's name, and little else.

    ``folds`` is how many of them there are to train, each about as long as this one.
    """

    def __init__(self, watch: Watcher, name: str, folds: int) -> None:
        self._watch = watch
        self._name = name
        self._folds = folds

    def expect(self, epochs: int) -> None:
        """Tell how many epochs there will be over all folds."""
        self._watch.expect(epochs * self._folds)

    def begin(self, what: str, steps: int) -> None:
        """Tell of the network; reading and writing are the same for every fold."""
        if what.startswith("final"):
            self._watch.begin(self._call(what), steps)

    def epoch(self, record: EpochRecord) -> None:
        """Pass an epoch on."""
        self._watch.epoch(replace(record, run=self._call(record.run)))

    def _call(self, run: str) -> str:
        """Name one of the networks that make the fold's: "fold 1", "fold 1 (2)", ..."""
        return self._name + run.removeprefix("final")


def answer(part: Part, dataset: Dataset, options: dict[str, Any], watch: Watcher) -> Answers:
    """Train without some photos, write the bundle, open it, and ask it about them.

    What is finished is not done again: neither the answers nor, where only they are missing, the
    bundle.
    """
    done = _read(part)
    if done is not None:
        return done
    make_bundle(part, dataset, options, watch)
    labels = np.array(dataset.labels(), np.int64)[part.held]
    with load(part.model) as classifier:
        photos = [dataset.photos[i] for i in part.held]
        # A photo that could be read a minute ago can be read now.
        logits = np.concatenate(
            [classifier.run(classifier.prepare(photo)[np.newaxis]).logits for photo in photos]
        )
        training = classifier.manifest.training
        answers = Answers(
            logits=logits,
            grounds=explain_mistakes(classifier, photos, labels, logits),
            history=classifier.bundle.history() or "",
            about={"device": training.device, "versions": training.versions},
            seconds=training.seconds,
        )
    write_whole({part.answers: _pack(answers)})
    return answers


def make_bundle(part: Part, dataset: Dataset, options: dict[str, Any], watch: Watcher) -> None:
    """Train without the photos of the part, unless that is done; go on with what was interrupted."""
    from figsight.training import train  # here and not above: it imports torch

    path = part.model
    if path.exists():
        return
    out = set(part.held.tolist())
    learned = dataset.only(photo for i, photo in enumerate(dataset.photos) if i not in out)
    resume = Workplace(path).can_resume()  # what is damaged is begun anew
    train(learned, path, resume=resume, overwrite=True, thumbnails=False, watch=watch, **options)


def _pack(answers: Answers) -> bytes:
    words = json.dumps(
        {"history": answers.history, "about": answers.about, "seconds": answers.seconds}
    )
    return save_arrays(
        {
            "logits": np.ascontiguousarray(answers.logits),
            "training": np.frombuffer(words.encode(), np.uint8),
            **pack_grounds(answers.grounds),
        }
    )


def _read(part: Part) -> Answers | None:
    """Return answers that were kept; None when there are none, or they are damaged or incomplete."""
    try:
        arrays = load_arrays(part.answers.read_bytes())
        words = json.loads(arrays["training"].tobytes())
        grounds = unpack_grounds(arrays)
        return Answers(
            arrays["logits"], grounds, words["history"], words["about"], float(words["seconds"])
        )
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError):
        return None  # not finished yet: this is what the file is for
