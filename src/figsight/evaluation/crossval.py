"""Cross-validation of the whole path: train, write the bundle, open it, ask it about unseen photos.

What is measured is what a user would get from so many photos: the file, through the classifier.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight import calibration
from figsight.dataset import Dataset, read, require_trainable
from figsight.dataset.choosing import training_part
from figsight.dataset.fingerprints import fingerprint_photos
from figsight.dataset.groups import read_groups
from figsight.dataset.splits import folds as make_folds
from figsight.dataset.summarising import summarise, summarise_odd
from figsight.dataset.unlabelled import read_unlabelled
from figsight.evaluation.folds import Named, Part, answer, make_bundle
from figsight.evaluation.judging import add_verdict, judge_strangers
from figsight.evaluation.keeping import agree, describe, open_place, require_ours
from figsight.evaluation.points import measure_folds
from figsight.evaluation.remarks import say_of_budget, say_single, say_untaught
from figsight.evaluation.results import Evaluation
from figsight.evaluation.strangers import ask_strangers
from figsight.training import Recipe, Silence, change_recipe, read_recipe
from figsight.training.asked import SENSITIVITY, require_positive, require_share, require_whole
from figsight.training.budget import start_budget
from figsight.training.versions import find_version

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from figsight.dataset.groups import Grouped
    from figsight.evaluation.folds import Answers
    from figsight.evaluation.results import Grounds, OperatingScore
    from figsight.evaluation.strangers import Told
    from figsight.training import Watcher

ABOUT = ("folds", "seed", "weights", "recipe", "budget")
"""What an evaluation tells of how its folds were trained."""


def cross_validate(
    data: str | os.PathLike[str] | Dataset,
    *,
    folds: int = 5,
    repeats: int = 1,
    recipe: str | Path | Recipe = "quick",
    backbone: str | None = None,
    weights: str | Path | None = None,
    epochs: int | None = None,
    budget: float | None = None,
    seed: int = 0,
    positive: str | None = None,
    sensitivity: float | None = None,
    unknown: str | os.PathLike[str] | None = None,
    keep: float | None = None,
    skip_bad: bool = False,
    work: str | os.PathLike[str] | None = None,
    watch: Watcher | None = None,
) -> Evaluation:
    """Measure a recipe on labelled photos by k-fold cross-validation of the whole path.

    Folds are stratified by class; copies, and photos of one group, are never on both sides. The
    temperature of each fold's probabilities is fitted on the other folds' answers.

    Args:
        data: Anything that ``figsight.read`` reads, or what it returned.
        folds: How many parts, each held out once.
        repeats: How often everything is dealt anew; each repeat trains with its own seed.
        recipe: A name, a ``.toml`` file, or a resolved recipe.
        backbone: Another timm backbone than the recipe's.
        weights: A safetensors file to start from, or ``"random"``.
        epochs: Another number than the recipe's.
        budget: Seconds that the training of each fold may take, imports not counted; see ``train``.
            Nothing of them goes into measuring, as with ``folds=0`` there.
        seed: Of everything random.
        positive: Of two figures: the one that is looked for, by its id or its name; by default the
            second. Sensitivity, specificity, ROC AUC and the threshold are about it.
        sensitivity: Of two figures: the share of photos of that one that a threshold, chosen on the
            other folds, is to find; by default 0.95.
        unknown: A folder or a zip of pictures of none of the figures, to measure how they are told.
            Rule and threshold of each fold are fitted to the other folds' photos; these pictures
            take no part in it.
        keep: Share of photos of the figures that are not to be called unknown then; by default 0.95.
        skip_bad: Leave photos out that cannot be decoded, instead of stopping.
        work: A folder for finished folds: the same command with the same folder goes on with them.
            Which figure is looked for, how much of it, and ``keep`` may be others then: no network
            depends on them.
        watch: Is told how it goes.

    Returns:
        The answers to all photos, each by networks that saw neither it nor its copies. With several
        repeats a photo occurs once in each; the intervals take that into account, because all its
        occurrences are in one group.

    Raises:
        FigsightError: A number is out of range; or the data, the recipe, the weights or the folder
            cannot be used.
    """
    started = time.perf_counter()
    watch = watch or Silence()
    folds, repeats = require_whole("folds", folds, 2), require_whole("repeats", repeats, 1)
    seed = require_whole("seed", seed, 0)
    sensitivity, keep = require_share("sensitivity", sensitivity), require_share("keep", keep)
    if work is not None:
        require_ours(Path(work))
    if not isinstance(recipe, Recipe):
        recipe = read_recipe(recipe)
    recipe = change_recipe(recipe, backbone=backbone, epochs=epochs, folds=0)
    start_budget(budget, epochs)  # only to see that there can be one
    dataset = training_part(
        data if isinstance(data, Dataset) else read(data, skip_missing=skip_bad)
    )
    looked_for = require_positive(dataset, positive, sensitivity)
    found = _read_photos(dataset, watch, skip_bad=skip_bad)
    strangers = None
    if unknown is not None:
        strangers = read_groups(read_unlabelled(unknown), skip_bad=skip_bad)
    task = _Task(found, strangers, folds, repeats, recipe, weights, seed, budget)
    parts, said, told = _ask_all(task, work, watch)
    temperatures = [said.fit_temperature(part, task.labels, found.groups) for part in parts]
    evaluation = replace(
        _put_together(task, said, said.calibrate(parts, temperatures)),
        positive=looked_for,
        seconds=time.perf_counter() - started,
    )
    evaluation = _judge(evaluation, said, found.groups, sensitivity)
    if strangers is not None:
        verdict = judge_strangers(parts, told, temperatures, found.groups, strangers, keep)
        evaluation = add_verdict(evaluation, verdict, found, strangers)
    return evaluation


@dataclass(frozen=True, eq=False)
class _Task:
    """What is cross-validated, and how: everything that decides what the networks say.

    Attributes:
        found: The photos, N of them.
        strangers: Pictures of none of their figures; None: nobody asks about any.
        folds: How many parts.
        repeats: How often they are dealt.
        recipe: As each fold is trained.
        weights: What each starts from.
        seed: Of the first repeat; each further one has the next.
        budget: Seconds that the training of each fold may take; None: the recipe says how long.
    """

    found: Grouped
    strangers: Grouped | None
    folds: int
    repeats: int
    recipe: Recipe
    weights: str | Path | None
    seed: int
    budget: float | None

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class index of each photo, [N]."""
        return np.array(self.found.dataset.labels(), np.int64)

    @cached_property
    def plan(self) -> dict[str, Any]:
        """What finished folds are kept for."""
        return describe(self.found, self.recipe, self.weights, self.seed, self.folds, self.budget)

    @property
    def protocol(self) -> str:
        """What is measured on what, in words."""
        times = f", {self.repeats} times" if self.repeats > 1 else ""
        how = f" in {self.budget:g} s" if self.budget is not None else ""
        return (
            f"{self.folds}-fold cross-validation of {self.found.dataset.name}{times}, recipe "
            f"{self.recipe.name}{how}, copies kept together"
        )

    def deal(self) -> list[list[NDArray[np.intp]]]:
        """Return the photos that each fold of each repeat holds out."""
        labels, groups = self.labels.tolist(), self.found.groups
        return [make_folds(labels, groups, self.folds, self.seed + r) for r in range(self.repeats)]

    def options_of(self, part: Part) -> dict[str, Any]:
        """Return how the network of a fold is trained."""
        return {
            "recipe": self.recipe,
            "weights": self.weights,
            "seed": self.seed + part.repeat,
            "budget": self.budget,
        }

    def call(self, part: Part) -> str:
        """Name a fold for people."""
        name = f"fold {part.number + 1}"
        return name if self.repeats == 1 else f"repeat {part.repeat + 1} {name}"


def _read_photos(dataset: Dataset, watch: Watcher, *, skip_bad: bool) -> Grouped:
    """Read the photos, and say what a person should know of them before anything is trained."""
    watch.begin("reading photos", len(dataset.photos))
    found = read_groups(dataset, skip_bad=skip_bad, progress=lambda n, _: watch.advance(n))
    for line in summarise(found.findings) + summarise_odd(found.findings.photos, found.odd):
        watch.note(line)
    require_trainable(found.dataset, photos_each=0)
    return found


def _ask_all(
    task: _Task, work: str | os.PathLike[str] | None, watch: Watcher
) -> tuple[list[Part], _Said, list[Told | calibration.Refusal]]:
    """Train the network of each fold and ask it: about the photos of its fold, and about strangers.

    Returns:
        The folds of all repeats, one repeat after the other; what their networks said of the photos;
        and of the strangers, nothing where there are none.
    """
    deals = task.deal()
    with open_place(work) as folder:
        agree(Path(folder), task.plan)
        parts = [
            Part(repeat, number, held, Path(folder))
            for repeat, deal in enumerate(deals)
            for number, held in enumerate(deal)
        ]
        untrained = sum(not part.is_trained for part in parts)
        dataset = task.found.dataset
        said = _Said.expect(task.repeats, len(task.labels), len(dataset.figures))
        told: list[Told | calibration.Refusal] = []
        for part in parts:
            name, options = task.call(part), task.options_of(part)
            listener = Named(watch, name, untrained)
            said.add(part, name, answer(part, dataset, options, listener))
            if task.strangers is not None:
                make = partial(make_bundle, part, dataset, options, listener)
                told.append(ask_strangers(part, task.found, task.strangers, make, watch))
    return parts, said, told


def _put_together(task: _Task, said: _Said, probabilities: NDArray[np.float64]) -> Evaluation:
    """Return what was answered, [R * N, K], as an evaluation, with what there is to say of it."""
    found, repeats = task.found, task.repeats
    return Evaluation(
        protocol=task.protocol,
        figures=found.dataset.figures,
        photos=found.dataset.photos * repeats,
        labels=np.tile(task.labels, repeats),
        probabilities=probabilities,
        groups=tuple(found.groups) * repeats,
        repeats=repeats,
        skipped=found.dataset.not_there + found.failures,
        grounds=said.grounds,
        history=said.history(),
        about=_tell_about(task, said),
        notes=(
            *say_untaught(found.dataset),
            *say_single(found),
            *say_of_budget(said.seconds, task.budget),
        ),
    )


@dataclass(eq=False)
class _Said:
    """The answers of all folds of R repeats, as they come in."""

    logits: NDArray[np.float32]  # [R, N, K]
    fold_of: NDArray[np.intp]  # [R, N]
    grounds: dict[int, Grounds] = field(default_factory=dict)
    histories: dict[str, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @classmethod
    def expect(cls, repeats: int, n: int, k: int) -> _Said:
        """Make room."""
        return cls(np.empty((repeats, n, k), np.float32), np.empty((repeats, n), np.intp))

    def add(self, part: Part, name: str, answers: Answers) -> None:
        """Take in what one fold said."""
        here = part.repeat, part.held
        self.logits[here] = answers.logits
        self.fold_of[here] = part.number
        before = part.repeat * self.logits.shape[1]
        for place, grounds in answers.grounds.items():
            self.grounds[before + int(part.held[place])] = grounds
        self.histories[name] = answers.history
        self.about = answers.about
        self.seconds.append(answers.seconds)

    def fit_temperature(
        self, part: Part, labels: NDArray[np.int64], groups: Sequence[str]
    ) -> float:
        """Return the temperature that the answers of the other folds of a repeat want."""
        rest = np.flatnonzero(self.fold_of[part.repeat] != part.number)
        weights = calibration.weigh_groups([groups[int(i)] for i in rest])
        return calibration.fit_temperature(self.logits[part.repeat, rest], labels[rest], weights)

    def calibrate(
        self, parts: Sequence[Part], temperatures: Sequence[float]
    ) -> NDArray[np.float64]:
        """Return probabilities [R * N, K], each fold at its temperature."""
        found = np.empty(self.logits.shape, np.float64)
        for part, temperature in zip(parts, temperatures, strict=True):
            here = part.repeat, part.held
            found[here] = calibration.softmax(self.logits[here], temperature)
        return found.reshape(-1, self.logits.shape[2])

    def history(self) -> str | None:
        """Return the epochs of all folds as one table, each run under its fold's name."""
        rows: list[str] = []
        for name, text in self.histories.items():
            head, *lines = text.splitlines() or [""]
            rows = rows or [head]
            for run, _, numbers in (line.partition(",") for line in lines if line):
                which = run.removeprefix("final") if run.startswith("final") else ""
                rows.append(f"{name}{which},{numbers}")
        return "\n".join(rows) + "\n" if len(rows) > 1 else None


def _judge(
    evaluation: Evaluation, said: _Said, groups: list[str], sensitivity: float | None
) -> Evaluation:
    """Measure what needs answers that something was not chosen on: sets, and a threshold."""
    refused: dict[str, str] = {}
    sets = calibration.measure_sets(
        evaluation.probabilities, evaluation.labels, groups=evaluation.groups
    )
    if isinstance(sets, calibration.Refusal):
        refused["sets"] = sets.reason
    operating: OperatingScore | None = None
    if len(evaluation.figures) == 2:
        measured = measure_folds(
            evaluation.figures,
            said.logits,
            said.fold_of,
            evaluation.labels[: evaluation.n],
            groups,
            positive=evaluation.positive,
            stated=SENSITIVITY if sensitivity is None else sensitivity,
        )
        if isinstance(measured, calibration.Refusal):
            refused["operating_point"] = measured.reason
        else:
            operating = measured
    return replace(
        evaluation,
        sets=None if isinstance(sets, calibration.Refusal) else sets,
        operating=operating,
        refused=refused,
    )


def _tell_about(task: _Task, said: _Said) -> dict[str, Any]:
    """Return where the numbers come from, as plain values."""
    return {
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "figsight": find_version("figsight"),
        "photos_fingerprint": fingerprint_photos(task.found.sha256),
        "cross_validation": {
            **{key: task.plan[key] for key in ABOUT if key in task.plan},
            "repeats": task.repeats,
            "training_seconds": [round(seconds, 1) for seconds in said.seconds],
            **said.about,
        },
    }
