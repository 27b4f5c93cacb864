"""The demo: figsight's whole path on the pictures that it carries.

Knows the order of things, like a person who follows the README.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from figsight.dataset import read
from figsight.dataset.splits import holdout
from figsight.demo import demo_photos
from figsight.errors import OutputError
from figsight.evaluation import Evaluation, evaluate
from figsight.sheets import draw_dataset, draw_evaluation, save_sheets
from figsight.training.entry import require_training, train

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.training import Watcher

HELD_OUT = 0.25  # three of twelve views
EPOCHS = 16  # rendered pictures are learned in half the epochs that photos take


@dataclass(frozen=True)
class Tour:
    """What the demo made.

    Attributes:
        model: The bundle.
        evaluation: Of the model, on photos that were held out.
        picture: Those photos with their predicted names.
        figures: Examples of every figure.
        photo: One of the photos that were held out.
    """

    model: Path
    evaluation: Evaluation
    picture: Path
    figures: Path
    photo: Path


def take_tour(folder: Path, *, seed: int, overwrite: bool, watch: Watcher) -> Tour:
    """Train on three quarters of the demo pictures as anyone would, and ask about the rest.

    A training of the demo that was interrupted goes on, unless ``overwrite`` says otherwise.

    Raises:
        FigsightError: The folder cannot be written, or the extra ``train`` is missing.
    """
    require_training()  # before a folder is made
    from figsight.training.workplace import Workplace

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror or error})") from error
    dataset = read(demo_photos())
    labels = dataset.labels()
    # Every picture is a rendering of its own, so each is its own group.
    groups = [photo.path for photo in dataset.photos]
    kept, held = holdout(labels, groups, HELD_OUT, seed)
    model, picture, figures = folder / "model", folder / "predictions.png", folder / "figures.png"
    train(
        dataset.only(dataset.photos[i] for i in kept),
        model,
        epochs=EPOCHS,
        folds=1,  # so few photos would be measured on by five networks; here others are asked about
        seed=seed,
        resume=not overwrite and Workplace(model).can_resume(),
        overwrite=overwrite,
        watch=watch,
    )
    unseen = dataset.only(dataset.photos[i] for i in held)
    found = evaluate(model, unseen)
    evaluation = replace(found, protocol=f"{found.n} test photos of the demo")
    picture = save_sheets(draw_evaluation(evaluation), picture)[0]
    figures = save_sheets(draw_dataset(dataset, 4), figures)[0]
    return Tour(model, evaluation, picture, figures, unseen.photos[0].file)
