"""How unknown figures are told: chosen on figures that networks were never taught."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.training.make import TINY, plant_photos

from figsight import bundle, calibration, load, train
from figsight.training import change_recipe
from figsight.training.answers import Answers
from figsight.training.parts import deal_parts
from figsight.training.strangers import equip, judge_unknown

if TYPE_CHECKING:
    from pathlib import Path

FIGURES, WIDTH = 6, 16


def make_answers(*, left_out: int, apart: float, each: int = 20) -> tuple[list[Answers], Any]:
    """Networks whose embeddings put a photo near its figure's centre, strangers ``apart`` of it."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(FIGURES), each)
    groups = [str(i) for i in range(len(labels))]
    found = []
    for part in deal_parts(labels, groups, figures=FIGURES, n_folds=1, left_out=left_out, seed=0):
        centres = rng.normal(size=(FIGURES, WIDTH)) * 3

        def embed(photos: np.ndarray, shift: float = 0.0, centres: np.ndarray = centres) -> Any:
            near = centres[labels[photos]] * (1 - shift) + shift * rng.normal(size=WIDTH) * 3
            return (near + rng.normal(size=near.shape) * 0.4).astype(np.float32)

        held, strangers = embed(part.held), embed(part.strangers, apart)
        head = centres[part.figures].T.astype(np.float32) / 6
        found.append(
            Answers(part, held @ head, held, embed(part.kept), strangers @ head, strangers)
        )
    return found, SimpleNamespace(labels=labels, groups=groups)


def test_judge_unknown__publishes_what_was_measured() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    assert rule.auroc is not None
    assert rule.accepted is not None
    assert rule.auroc.value > 0.9
    assert rule.auroc.value == max(one.value for one in rule.candidates.values())
    assert set(rule.candidates) >= {"max_softmax", "energy", "knn", "relative_mahalanobis"}
    assert rule.protocol == (
        "80 photos of 4 figures that 2 networks trained like this one were never taught, against "
        "photos of taught figures that were not trained on"
    )


def test_judge_unknown__without_strangers_measures_nothing_and_says_so() -> None:
    answers, sample = make_answers(left_out=0, apart=0.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    assert (rule.score, rule.auroc, rule.accepted, rule.candidates) == ("mixed", None, None, {})
    assert "was not measured" in rule.protocol


def test_judge_unknown__refuses_a_threshold_on_few_photos() -> None:
    answers, sample = make_answers(left_out=0, apart=0.0, each=6)
    assert len(answers[0].part.held) < 19
    refusal = judge_unknown(answers, sample)
    assert isinstance(refusal, calibration.Refusal)
    assert "needs at least 19" in refusal.reason


def test_equip__gives_the_detector_what_it_measures_against() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(FIGURES, WIDTH)) * 3
    own = (centres[sample.labels] + rng.normal(size=(len(sample.labels), WIDTH)) * 0.4).astype(
        np.float32
    )
    rule, arrays = equip(rule, own, sample.labels)
    fields = {name: getattr(rule, name) for name in rule.__struct_fields__}
    detector = calibration.UnknownDetector.from_parts(fields, arrays | {"gallery": own})
    logits = np.zeros((2, FIGURES), np.float32)
    both = np.stack([-centres.sum(0), own[0]]).astype(np.float32)
    strange, own_photo = detector.score(logits, both)
    assert strange > own_photo


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unknown")
    photos = plant_photos(folder / "set", figures=3, photos=8)
    recipe = change_recipe(TINY, folds=2, left_out=1)
    train(photos, folder / "model", recipe=recipe, weights="random", device="cpu")
    return folder / "model"


def test_train__leaves_figures_out_and_delivers_a_network_that_knows_them_all(model: Path) -> None:
    with load(model) as classifier:
        history = classifier.bundle.history()
        assert len(classifier.figures) == 3
        rule = classifier.manifest.calibration
    assert history is not None
    assert [row.split(",")[0] for row in history.splitlines()[1::2]] == [
        "fold 1",
        "fold 2",
        "left out 1",
        "final",
    ]
    assert rule is not None
    assert rule.unknown is not None
    assert rule.unknown.auroc is not None
    assert rule.unknown.protocol.startswith("8 photos of a figure that a network")
