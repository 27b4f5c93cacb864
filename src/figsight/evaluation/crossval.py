"""Cross-validation of the whole path: train, write the bundle, open it, ask it about unseen photos.

What is measured is what a user would get from so many photos: the file, through the classifier.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from figsight import calibration
from figsight.dataset import Dataset, read, require_trainable
from figsight.dataset.choosing import training_part
from figsight.dataset.groups import read_groups
from figsight.dataset.names import few
from figsight.dataset.splits import folds as make_folds
from figsight.dataset.unlabelled import read_unlabelled
from figsight.errors import DataError, OutputError
from figsight.evaluation.folds import Named, Part, answer, make_bundle
from figsight.evaluation.log import fingerprint_photos
from figsight.evaluation.points import STATED, measure_folds
from figsight.evaluation.results import Evaluation
from figsight.evaluation.strangers import add_verdict, ask_strangers, judge_strangers
from figsight.files import is_litter, write_whole
from figsight.training import Recipe, Silence, change_recipe, read_recipe
from figsight.training.asked import require_share, require_whole
from figsight.training.budget import start_budget
from figsight.training.versions import find_version

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from figsight.dataset.groups import Grouped
    from figsight.evaluation.folds import Answers
    from figsight.evaluation.results import Grounds, OperatingScore
    from figsight.evaluation.strangers import Told
    from figsight.training import Watcher

ABOUT = ("folds", "seed", "weights", "recipe", "budget")
"""What an evaluation tells of how its folds were trained."""

PLAN = "cross-validation.json"
"""What the folder of finished folds holds from its first moment: says what they are for."""

LATE = 1.1  # times its budget: from there on it is said

_FOLD = re.compile(r"repeat-\d+-fold-\d+.*")


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
        sensitivity: Of two figures: the share of photos of the second that a threshold, chosen on
            the other folds, is to find; by default 0.95.
        unknown: A folder or a zip of pictures of none of the figures, to measure how they are told.
            Rule and threshold of each fold are fitted to the other folds' photos; these pictures
            take no part in it.
        keep: Share of photos of the figures that are not to be called unknown then; by default 0.95.
        skip_bad: Leave photos out that cannot be decoded, instead of stopping.
        work: A folder for finished folds: the same command with the same folder goes on with them.
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
        _require_ours(Path(work))
    if not isinstance(recipe, Recipe):
        recipe = read_recipe(recipe)
    recipe = change_recipe(recipe, backbone=backbone, epochs=epochs, folds=0)
    start_budget(budget, epochs)  # only to see that there can be one
    dataset = training_part(data if isinstance(data, Dataset) else read(data))
    if sensitivity is not None and len(dataset.figures) != 2:
        raise DataError(
            f"{dataset.name}: expected two figures for a stated sensitivity, found "
            f"{len(dataset.figures)}; leave the sensitivity out"
        )
    watch.begin("reading photos", len(dataset.photos))
    found = read_groups(dataset, skip_bad=skip_bad, progress=lambda n, _: watch.advance(n))
    require_trainable(found.dataset, photos_each=0)
    strangers = None
    if unknown is not None:
        strangers = read_groups(read_unlabelled(unknown), skip_bad=skip_bad)
    dataset, labels = found.dataset, np.array(found.dataset.labels(), np.int64)
    deals = [make_folds(labels.tolist(), found.groups, folds, seed + r) for r in range(repeats)]
    with _workplace(work) as folder:
        plan = _describe(found, recipe, weights, seed, folds, budget)
        _agree(Path(folder), plan)
        parts = [
            Part(repeat, number, held, Path(folder))
            for repeat, deal in enumerate(deals)
            for number, held in enumerate(deal)
        ]
        untrained = sum(not part.is_trained for part in parts)
        said = _Said.expect(repeats, len(labels), len(dataset.figures))
        told: list[Told | calibration.Refusal] = []
        for part in parts:
            name = f"fold {part.number + 1}"
            name = name if repeats == 1 else f"repeat {part.repeat + 1} {name}"
            options: dict[str, Any] = {
                "recipe": recipe,
                "weights": weights,
                "seed": seed + part.repeat,
                "budget": budget,
            }
            listener = Named(watch, name, untrained)
            said.add(part, name, answer(part, dataset, options, listener))
            if strangers is not None:
                make = partial(make_bundle, part, dataset, options, listener)
                told.append(ask_strangers(part, found, strangers, make, watch))
    temperatures = [said.fit_temperature(part, labels, found.groups) for part in parts]
    shown = f"{folds}-fold cross-validation of {dataset.name}" + (
        f", {repeats} times" if repeats > 1 else ""
    )
    how = recipe.name if budget is None else f"{recipe.name} in {budget:g} s"
    evaluation = Evaluation(
        protocol=f"{shown}, recipe {how}, copies kept together",
        figures=dataset.figures,
        photos=dataset.photos * repeats,
        labels=np.tile(labels, repeats),
        probabilities=said.calibrate(parts, temperatures),
        groups=tuple(found.groups) * repeats,
        repeats=repeats,
        skipped=found.failures,
        grounds=said.grounds,
        history=said.history(),
        about=_tell_about(found, plan, repeats, said),
        notes=_say_untaught(found.dataset) + _say_of_budget(said.seconds, budget),
        seconds=time.perf_counter() - started,
    )
    evaluation = _judge(evaluation, said, found.groups, sensitivity)
    if strangers is not None:
        verdict = judge_strangers(parts, told, temperatures, found.groups, strangers, keep)
        evaluation = add_verdict(evaluation, verdict, found, strangers)
    return evaluation


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
            stated=STATED if sensitivity is None else sensitivity,
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


def _workplace(work: str | os.PathLike[str] | None) -> AbstractContextManager[str]:
    if work is None:
        return tempfile.TemporaryDirectory(prefix="figsight-")
    try:
        Path(work).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{work}: cannot be made ({error.strerror or error})") from error
    return nullcontext(str(work))


def _require_ours(place: Path) -> None:
    """Refuse a folder that holds something, but no plan of a cross-validation and no fold of one."""
    try:
        names = sorted(path.name for path in place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return  # it can be made, or that is said when it cannot
    except OSError as error:
        raise OutputError(f"{place}: cannot be looked into ({error.strerror})") from error
    strangers = [n for n in names if not (is_litter(n) or is_litter(n, folder=True))]
    if strangers and _read_plan(place) is None and not any(map(_FOLD.fullmatch, strangers)):
        raise OutputError(
            f"{place}: expected an empty folder, or one with finished folds, found {strangers[0]!a}; "
            f"name another folder"
        )


def _read_plan(place: Path) -> dict[str, Any] | None:
    """Return what the folds of a folder are for; None when it does not say so."""
    try:
        plan = json.loads((place / PLAN).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return plan if isinstance(plan, dict) and plan.keys() >= {"recipe", "seed", "folds"} else None


def _describe(
    found: Grouped,
    recipe: Recipe,
    weights: str | Path | None,
    seed: int,
    folds: int,
    budget: float | None,
) -> dict[str, Any]:
    """Return everything that decides what a fold's answers are, but for the number of repeats."""
    start = str(weights) if weights is not None else None
    if weights is not None and Path(weights).is_file():
        start = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    return {
        "recipe": msgspec.to_builtins(recipe),
        "weights": start,
        "seed": seed,
        "folds": folds,
        "photos": found.sha256,
        "figures": [photo.figure_id for photo in found.dataset.photos],
        "classes": [figure.id for figure in found.dataset.figures],
        "groups": found.groups,
        **({} if budget is None else {"budget": budget}),
    }


def _tell_about(found: Grouped, plan: dict[str, Any], repeats: int, said: _Said) -> dict[str, Any]:
    """Return where the numbers come from, as plain values."""
    return {
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "figsight": find_version("figsight"),
        "photos_fingerprint": fingerprint_photos(found.sha256),
        "cross_validation": {
            **{key: plan[key] for key in ABOUT if key in plan},
            "repeats": repeats,
            "training_seconds": [round(seconds, 1) for seconds in said.seconds],
            **said.about,
        },
    }


def _say_untaught(dataset: Dataset) -> tuple[str, ...]:
    """Say which figures no network was taught, as no photo of theirs can be learned from."""
    names = few([figure.display for figure in dataset.untaught])
    return (f"Figures without a photo to learn from, left out: {names}.",) if names else ()


def _say_of_budget(seconds: Sequence[float], budget: float | None) -> tuple[str, ...]:
    """Say what a model trained in a budget may lack, and whether the budget was kept here."""
    if budget is None:
        return ()
    lacks = (
        "Probabilities, unknown photos and sets of names are judged here by the other folds. A model that "
        f"is trained in {budget:g} s has rules for them only where that leaves time to measure itself."
    )
    if max(seconds) <= LATE * budget:
        return (lacks,)
    late = sum(one > LATE * budget for one in seconds)
    which = f"{late} of {len(seconds)} folds took longer than the {budget:g} s"
    return (lacks, f"{which} that their training was given, {max(seconds):.0f} s at most.")


def _agree(place: Path, plan: dict[str, Any]) -> None:
    """Write down what the folder is for, or refuse one that is for something else."""
    path = place / PLAN
    text = json.dumps(plan, indent=2, sort_keys=True)
    # A plan of which nothing has been trained binds nobody: a misspelt backbone leaves one.
    if not any(place.glob("repeat-*")):
        write_whole({path: text.encode()})
        return
    if _read_plan(place) != json.loads(text):
        raise OutputError(
            f"{place}: holds the folds of another cross-validation (other photos, recipe, folds or "
            f"seed); name another folder, or remove it"
        )
