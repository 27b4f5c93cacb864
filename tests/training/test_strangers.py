"""How unknown figures are told: chosen on figures that networks were never taught."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from tests.training.make import TINY, plant_photos

from figsight import bundle, calibration, load, train
from figsight.errors import Remedy
from figsight.training import change_recipe
from figsight.training.answers import Answers, Outputs, Own
from figsight.training.parts import deal_parts
from figsight.training.strangers import Head, equip, judge_unknown

if TYPE_CHECKING:
    from pathlib import Path

FIGURES, WIDTH, STYLE = 6, 16, 4
HEAD = Head(np.zeros((FIGURES, WIDTH), np.float32), np.zeros(FIGURES, np.float32))


def own_of(embeddings: Any, styles: Any = None) -> Own:
    """What a network says of its own photos; another camera makes the first number larger."""
    styles = embeddings[:, :STYLE] ** 2 if styles is None else styles
    shifts = np.zeros((1, 5, STYLE), np.float32)
    shifts[..., 0] = 50
    return Own(embeddings, styles, shifts)


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
        said = [Outputs(x @ head, x, x[:, :STYLE] ** 2) for x in (held, strangers)]
        found.append(Answers(part, said[0], own_of(embed(part.kept)), said[1]))
    return found, SimpleNamespace(labels=labels, groups=groups)


def test_judge_unknown__publishes_what_was_measured() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    assert rule.auroc is not None
    assert rule.accepted is not None
    assert rule.auroc.value > 0.9
    # 40 known photos: enough for all but 98 and 99 %.
    assert [line.kept for line in rule.lines] == [0.8, 0.9]
    assert rule.lines[0].threshold <= rule.lines[1].threshold <= rule.threshold
    for line in rule.lines:
        assert line.accepted is not None
        assert line.accepted.value <= rule.accepted.value
        assert line.measured_kept is not None
        assert line.measured_kept.low <= line.kept <= line.measured_kept.high
    assert rule.auroc.value == max(one.value for one in rule.candidates.values())
    assert set(rule.candidates) >= {"max_softmax", "energy", "knn", "style_mahalanobis"}
    assert rule.protocol == (
        "80 photos of 4 figures that 2 networks trained like this one were never taught, against "
        "photos of taught figures that were not trained on"
    )


def test_judge_unknown__counts_each_photo_and_each_figure_once() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    once, twice = judge_unknown(answers, sample), judge_unknown([*answers, *answers], sample)
    assert isinstance(once, bundle.UnknownRule)
    assert isinstance(twice, bundle.UnknownRule)
    for rule in (once, twice):
        assert rule.measured_kept is not None
        assert rule.accepted is not None
        assert rule.measured_kept.n == len(
            np.unique(np.concatenate([a.part.held for a in answers]))
        )
        assert rule.accepted.n == 80
        assert rule.protocol.startswith("80 photos of 4 figures that ")


def test_judge_unknown__compares_networks_of_fewer_figures_on_one_scale() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    before = judge_unknown(answers, sample)

    def louder(one: Answers) -> Answers:
        """Networks that were taught fewer figures are surer of what they say."""
        if not len(one.part.strangers):
            return one
        held, strangers = (
            replace(outputs, logits=outputs.logits * 5) for outputs in (one.held, one.strangers)
        )
        return replace(one, held=held, strangers=strangers)

    after = judge_unknown([louder(one) for one in answers], sample)
    assert isinstance(before, bundle.UnknownRule)
    assert isinstance(after, bundle.UnknownRule)
    for name in ("max_logit", "mixed"):
        assert after.candidates[name].value == pytest.approx(
            before.candidates[name].value, abs=0.02
        )
    assert after.threshold == pytest.approx(before.threshold, rel=0.05)


def test_judge_unknown__takes_a_figure_that_was_held_out_whole_for_no_known_one() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    before = judge_unknown(answers, sample)
    assert isinstance(before, bundle.UnknownRule)
    assert before.measured_kept is not None
    first = answers[0]
    # Three photos more were held out, of a figure of one session: no network was taught it.
    sample.labels = np.append(sample.labels, [FIGURES] * 3)
    sample.groups += ["one session"] * 3
    held = np.append(first.part.held, np.arange(len(sample.labels) - 3, len(sample.labels)))
    outputs = [getattr(first.held, name) for name in ("logits", "embeddings", "styles")]
    far = Outputs(*(np.concatenate([one, one[:3] * 9]) for one in outputs))
    answers[0] = replace(first, part=replace(first.part, held=held), held=far)
    after = judge_unknown(answers, sample)
    assert isinstance(after, bundle.UnknownRule)
    assert after == before


def test_judge_unknown__without_strangers_measures_nothing_and_says_so() -> None:
    answers, sample = make_answers(left_out=0, apart=0.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    assert (rule.score, rule.auroc, rule.accepted, rule.candidates) == ("mixed", None, None, {})
    assert "was not measured" in rule.protocol


@pytest.mark.parametrize(("known", "kept"), [(18, 0.9), (9, 0.9), (8, 0.8), (4, 0.8)])
def test_judge_unknown__keeps_fewer_of_the_known_where_there_are_few(
    known: int, kept: float
) -> None:
    answers, sample = make_answers(left_out=0, apart=0.0)
    rule = judge_unknown([_fewer(answers[0], known)], sample)
    assert isinstance(rule, bundle.UnknownRule)
    assert rule.kept == kept
    assert [line.kept for line in rule.lines] == [0.8] * (kept > 0.8)


def test_judge_unknown__refuses_a_threshold_on_few_photos() -> None:
    answers, sample = make_answers(left_out=0, apart=0.0)
    refusal = judge_unknown([_fewer(answers[0], 3)], sample)
    assert isinstance(refusal, calibration.Refusal)
    assert refusal.reason == (
        "a threshold that keeps 80% of the known photos needs at least 4 of them, found 3; add photos"
    )


def _fewer(one: Answers, known: int) -> Answers:
    """The same network, kept from fewer photos."""
    held = Outputs(*(array[:known] for array in vars(one.held).values()))
    return replace(one, part=replace(one.part, held=one.part.held[:known]), held=held)


def test_judge_unknown__refuses_networks_that_learned_from_one_photo_a_figure() -> None:
    answers, sample = make_answers(left_out=0, apart=1.0, each=2)
    assert judge_unknown(answers, sample) == calibration.Refusal(
        "telling unknown photos needs a figure with at least two photos to learn from, found one "
        "photo a figure; add photos",
        Remedy.ADD_PHOTOS,
    )


COPIES = (
    "telling unknown photos needs a figure with at least two photos that differ to learn from, found "
    "only copies of one photo a figure; add photos"
)


def test_judge_unknown__refuses_networks_that_learned_from_copies_only() -> None:
    answers, sample = make_answers(left_out=0, apart=1.0, each=4)
    one = answers[0]
    first = np.searchsorted(sample.labels[one.part.kept], sample.labels[one.part.kept])
    own = own_of(one.own.embeddings[first])
    assert judge_unknown([replace(one, own=own)], sample) == calibration.Refusal(
        COPIES, Remedy.ADD_PHOTOS
    )


def test_equip__refuses_photos_that_a_network_takes_for_copies() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    one = answers[0].own
    own = own_of(one.embeddings[sample.labels])
    assert equip(rule, own, sample.labels, HEAD) == calibration.Refusal(COPIES, Remedy.ADD_PHOTOS)


def test_equip__gives_the_detector_what_it_measures_against() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(FIGURES, WIDTH)) * 3
    own = (centres[sample.labels] + rng.normal(size=(len(sample.labels), WIDTH)) * 0.4).astype(
        np.float32
    )
    styles = rng.normal(size=(len(own), STYLE)).astype(np.float32)
    logits = np.zeros((2, FIGURES), np.float32)
    head = Head((centres / 6).astype(np.float32), np.zeros(FIGURES, np.float32))
    equipped = equip(rule, own_of(own, styles), sample.labels, head)
    assert not isinstance(equipped, calibration.Refusal)
    rule, arrays = equipped
    fields = {name: getattr(rule, name) for name in rule.__struct_fields__}
    detector = calibration.UnknownDetector.from_parts(fields, arrays | {"gallery": own})
    both = np.stack([-centres.sum(0), own[0]]).astype(np.float32)
    strange, own_photo = detector.score(logits, both, styles[[0, 0]])
    assert strange > own_photo


def test_equip__refuses_a_line_that_calls_its_own_photos_unknown() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    own, labels = answers[0].own, sample.labels[answers[0].part.kept]
    assert not isinstance(equip(rule, own, labels, HEAD), calibration.Refusal)
    low = msgspec.structs.replace(rule, threshold=-99.0)
    refusal = equip(low, own, labels, HEAD)
    assert isinstance(refusal, calibration.Refusal)
    n = len(labels)
    assert (
        f"the model would call {n} of the {n} photos unknown that it learned from" in refusal.reason
    )


def test_equip__gives_the_detector_styles_that_guard_it() -> None:
    answers, sample = make_answers(left_out=0, apart=0.0)
    rule = judge_unknown(answers, sample)
    assert isinstance(rule, bundle.UnknownRule)
    assert rule.parts[-1] == "style_mahalanobis"
    own, part = answers[0].own, answers[0].part
    equipped = equip(rule, own, sample.labels[part.kept], HEAD)
    assert not isinstance(equipped, calibration.Refusal)
    rule, arrays = equipped
    fields = {name: getattr(rule, name) for name in rule.__struct_fields__}
    detector = calibration.UnknownDetector.from_parts(fields, arrays)
    said = answers[0].held
    one = said.logits[:1], said.embeddings[:1], said.styles[:1]
    assert detector.score(*one) < rule.threshold < detector.score(*one[:2], one[2] + 1e3)
    grainy = one[2] + own.shifts[0, :1] * 20
    assert detector.score(*one[:2], grainy) == pytest.approx(detector.score(*one), abs=1e-3)


def test_judge_unknown__without_styles_does_without() -> None:
    answers, sample = make_answers(left_out=2, apart=1.0)
    bare = [
        replace(
            one,
            held=replace(one.held, styles=one.held.styles[:, :0]),
            own=Own(one.own.embeddings, one.own.styles[:, :0], one.own.shifts[..., :0]),
            strangers=replace(one.strangers, styles=one.strangers.styles[:, :0]),
        )
        for one in answers
    ]
    rule = judge_unknown(bare, sample)
    assert isinstance(rule, bundle.UnknownRule)
    assert "style_mahalanobis" not in {*rule.parts, *rule.candidates}
    assert "mixed" in rule.candidates


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


@pytest.mark.usefixtures("graph_at_hand")
def test_train__with_nothing_to_measure_unknown_photos_by_delivers_a_model_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = plant_photos(tmp_path / "set", figures=3, photos=8)
    monkeypatch.setattr(
        "figsight.training.delivery.equip", lambda *_: calibration.Refusal("no; add photos")
    )
    recipe = change_recipe(TINY, folds=2, left_out=0)
    found = train(photos, tmp_path / "model", recipe=recipe, weights="random", device="cpu")
    assert found.calibration is not None
    assert found.calibration.unknown is None
    assert found.calibration.refused["unknown"] == "no; add photos"
    with bundle.open_bundle(tmp_path / "model") as opened:
        assert opened.manifest.calibration == found.calibration


def test_train__on_two_photos_a_figure_says_that_it_cannot_tell_unknown_ones(
    tmp_path: Path,
) -> None:
    photos = plant_photos(tmp_path / "set", figures=3, photos=2)
    recipe = change_recipe(TINY, folds=1, left_out=1)
    found = train(photos, tmp_path / "model", recipe=recipe, weights="random", device="cpu")
    assert found.calibration is not None
    assert found.calibration.unknown is None
    assert "needs a figure with at least two photos" in found.calibration.refused["unknown"]
