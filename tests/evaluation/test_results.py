from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluation.make import make_evaluation

from figsight import metrics
from figsight.dataset import Photo
from figsight.evaluation.unknowns import name_kinds
from figsight.metrics import wilson

if TYPE_CHECKING:
    from figsight.evaluation import Evaluation


@st.composite
def evaluations(draw: st.DrawFn) -> Evaluation:
    n, k = draw(st.integers(1, 12)), draw(st.integers(2, 5))
    row = st.lists(st.floats(0.01, 1), min_size=k, max_size=k)
    labels = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    return make_evaluation(labels, draw(st.lists(row, min_size=n, max_size=n)))


@settings(max_examples=15)
@given(evaluations())
def test_to_dict__agrees_with_itself_and_with_numpy(evaluation: Evaluation) -> None:
    found = evaluation.to_dict()
    labels, answers = evaluation.labels, evaluation.probabilities.argmax(axis=1)
    matrix = np.array(found["confusion"]["matrix"])
    right = answers == labels
    assert found["n"] == len(labels) == matrix.sum()
    assert found["correct"] == right.sum() == np.trace(matrix)
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["scores"]["accuracy"]["value"] == found["accuracy"]
    low, high = found["interval"]
    assert 0 <= low <= found["accuracy"] <= high <= 1
    for i, row in enumerate(found["per_class"]):
        assert row["class_id"] == found["confusion"]["class_ids"][i] == evaluation.figures[i].id
        assert row["name"] == evaluation.figures[i].display
        assert row["n"] == (labels == i).sum() == matrix[i].sum()
        assert row["correct"] == matrix[i, i] == (right & (labels == i)).sum()
        if row["n"]:
            assert row["recall"] == pytest.approx(row["correct"] / row["n"])
            assert row["interval"][0] <= row["recall"] <= row["interval"][1]
        else:
            assert row["recall"] is None
            assert row["interval"] is None
        if matrix[:, i].sum():
            assert row["precision"] == pytest.approx(matrix[i, i] / matrix[:, i].sum())
        else:
            assert row["precision"] is None
    balanced = np.mean([row["recall"] for row in found["per_class"] if row["n"]])
    assert found["scores"]["balanced_accuracy"]["value"] == pytest.approx(balanced)


@settings(max_examples=15)
@given(evaluations())
def test_to_dict__is_json_without_loss(evaluation: Evaluation) -> None:
    found = evaluation.to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@settings(max_examples=15)
@given(evaluations())
def test_to_dict__lists_the_mistakes_surest_first(evaluation: Evaluation) -> None:
    mistakes = evaluation.to_dict()["mistakes"]
    sure = [one["probability"] for one in mistakes]
    assert sure == sorted(sure, reverse=True)
    answers = evaluation.probabilities.argmax(axis=1)
    wrong = {f"{i}.png" for i in np.flatnonzero(answers != evaluation.labels)}
    assert [one["path"] for one in mistakes] == list(dict.fromkeys(one["path"] for one in mistakes))
    assert {one["path"] for one in mistakes} == wrong
    for one in mistakes:
        i = int(one["path"].removesuffix(".png"))
        assert one["class_id"] == str(evaluation.labels[i])
        assert one["predicted_class_id"] == str(answers[i])
        assert one["predicted_name"] == f"SAME ({answers[i]})"
        assert one["probability"] == evaluation.probabilities[i].max()


def test_to_dict__tells_what_was_left_out() -> None:
    found = make_evaluation([0, 1], [[0.9, 0.1], [0.8, 0.2]]).to_dict()
    assert found["skipped"] == [{"path": "bad.png", "reason": "it is damaged"}]
    assert found["notes"] == ["A note."]
    assert found["seconds"] == 1.235


def test_to_dict__has_the_scores_of_two_classes() -> None:
    found = make_evaluation([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]).to_dict()
    assert found["correct"] == 2
    assert found["positive_class_id"] == "1"
    for name in ("roc_auc", "average_precision", "sensitivity", "specificity"):
        assert found[name] == found["scores"][name]["value"]
    assert (found["roc_auc"], found["sensitivity"], found["specificity"]) == (1, 0.5, 1)
    assert found["operating_point"] is None


def test_to_dict__of_two_classes_takes_the_one_that_is_looked_for() -> None:
    one = make_evaluation([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], positive=0).to_dict()
    assert (one["positive_class_id"], one["sensitivity"], one["specificity"]) == ("0", 1, 0.5)
    assert one["roc_auc"] == 1


def test_to_dict__of_two_classes_says_what_one_kind_of_photos_cannot() -> None:
    found = make_evaluation([1, 1], [[0.9, 0.1], [0.8, 0.2]]).to_dict()
    assert found["roc_auc"] is found["sensitivity"] is None
    more = make_evaluation([1], [[0.5, 0.5]], refused={"operating_point": "too few"}).to_dict()
    assert more["operating_point"] == {"refused": "too few"}


def test_to_dict__of_more_classes_has_nothing_of_two() -> None:
    found = make_evaluation([1], [[0.5, 0.2, 0.3]]).to_dict()
    assert not {"roc_auc", "positive_class_id", "operating_point"} & found.keys()


@settings(max_examples=15)
@given(evaluations())
def test_to_dict__has_all_that_the_scores_are_made_of(evaluation: Evaluation) -> None:
    found = evaluation.to_dict()
    ids = [figure.id for figure in evaluation.figures]
    labels = [ids.index(one["class_id"]) for one in found["predictions"]]
    p = np.array([one["probabilities"] for one in found["predictions"]])
    again = metrics.summarise(labels, p)
    assert {name: score.to_dict() for name, score in again.items()} == found["scores"]
    for one, row in zip(found["predictions"], p, strict=True):
        assert one["predicted_class_id"] == ids[int(row.argmax())]
        assert one["probability"] == row.max()


def test_to_dict__counts_photos_once_over_repeats() -> None:
    p = [[0.9, 0.1, 0], [0.2, 0.8, 0], [0.7, 0.3, 0], [0.1, 0.9, 0], [0.4, 0.6, 0], [0.3, 0.7, 0]]
    found = make_evaluation(
        [0, 1, 1] * 2, p, repeats=2, groups=("x", "y", "z") * 2, skipped=()
    ).to_dict()
    assert (found["n"], found["repeats"]) == (3, 2)
    assert found["correct_each"] == [2, 2]
    assert found["correct"] == 2
    assert found["accuracy"] == pytest.approx(4 / 6)
    once = metrics.wilson(2, 3)
    assert found["interval"] == pytest.approx([once.low, once.high])
    assert found["scores"]["accuracy"]["n"] == 3
    assert [row["n"] for row in found["per_class"]] == [1, 2, 0]
    assert found["per_class"][0]["recall"] == 0.5
    assert found["per_class"][0]["interval"] == pytest.approx(
        list(metrics.estimates.wilson_limits(0.5, 1))
    )
    assert np.sum(found["confusion"]["matrix"]) == 6
    assert [one["repeat"] for one in found["predictions"]] == [1, 1, 1, 2, 2, 2]
    assert [(one["path"], one["repeat"]) for one in found["mistakes"]] == [
        ("0.png", 2),
        ("2.png", 1),
    ]
    assert found["what_it_cannot_tell"].startswith("So few photos leave room: ")


def test_predicted__takes_the_first_of_equally_probable_figures() -> None:
    assert make_evaluation([1], [[0.5, 0.5]]).predicted.tolist() == [0]


def test_answered__counts_what_predict_would_say() -> None:
    found = make_evaluation(
        [0, 0, 1, 1],
        [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]],
        strangeness=np.array([0.1, 3.0, 2.0, 0.2]),
        unknown=np.array([False, True, True, False]),
    )
    assert found.answered == (2, 0, 2)
    assert found.to_dict()["unknown"]["answered"] == {"right": 2, "wrong": 0, "unknown": 2}
    assert make_evaluation([0], [[0.9, 0.1]]).answered is None


@pytest.mark.parametrize(("lost", "said"), [(2, False), (12, True)])
def test_unknown_score__says_when_its_promise_is_broken(lost: int, said: bool) -> None:
    found = make_evaluation(
        [0] * 60,
        [[0.9, 0.1]] * 60,
        strangeness=np.arange(60.0),
        unknown=np.arange(60) < lost,
        about={"model": {"calibration": {"unknown": {"kept": 0.95}}}},
    )
    score = found.unknown_score
    assert score is not None
    assert score.stated == 0.95
    assert (score.missed is not None) == said
    if said:
        assert "than the 95\u00a0% that were to be" in (score.missed or "")
    # A rule of folds comes before the model's.
    folds = replace(found, about={**found.about, "unknown": {"kept": 0.5}})
    assert folds.unknown_score is not None
    assert (folds.unknown_score.stated, folds.unknown_score.missed) == (0.5, None)
    folds = replace(found, about={**found.about, "unknown": {"kept": 0.95}})
    assert folds.unknown_score is not None
    assert ("the networks of all folds" in (folds.unknown_score.missed or "")) == said


@pytest.mark.parametrize(("lost", "said"), [(8, False), (14, True)])
def test_unknown_score__knows_that_a_line_set_on_few_photos_is_in_doubt(
    lost: int, said: bool
) -> None:
    """Eight of 60 would be too many of a line that is known to keep 95 %, not of one set on 30."""
    seen = wilson(29, 30)
    rule = {"kept": 0.95, "measured_kept": seen.to_dict()}
    found = make_evaluation(
        [0] * 60,
        [[0.9, 0.1]] * 60,
        strangeness=np.arange(60.0),
        unknown=np.arange(60) < lost,
        about={"model": {"calibration": {"unknown": rule}}},
    ).unknown_score
    assert found is not None
    assert found.kept.high < 0.95
    assert found.promise is not None
    assert found.promise.set_on == pytest.approx(30)
    assert (found.missed is not None) == said
    if said:
        assert "these photos, or this network, are not like those that the line was set on" in (
            found.missed or ""
        )


def test_name_kinds__is_the_figure_or_the_folder() -> None:
    def photo(path: str, figure: str | None = None) -> Photo:
        return Photo(path, Path(path), figure_id=figure)

    assert name_kinds([photo("a.png"), photo("b.png")]) is None
    assert name_kinds([photo("x/a.png"), photo("x/b.png")]) is None  # one folder says nothing
    several = [photo("x/a.png"), photo("x/b.png"), photo("y/a.png"), photo("c.png")]
    assert name_kinds(several) == ("folder x", "folder x", "folder y", "c.png")
    mixed = [photo("x/a.png", "7"), photo("y/a.png", "7"), photo("z/c.png")]
    assert name_kinds(mixed) == ("figure 7", "figure 7", "z/c.png")


def test_correct__of_repeats_is_never_all_where_one_is_wrong() -> None:
    p = np.tile([[0.9, 0.1]], (60, 1))
    p[59] = [0.1, 0.9]
    found = make_evaluation([0] * 60, p.tolist(), repeats=2, groups=tuple(map(str, range(30))) * 2)
    assert (found.correct_each, found.correct, found.tally) == ([30, 29], 29, "59 of 60 answers")


def test_scores__name_what_was_counted_once() -> None:
    repeated = make_evaluation([0, 0] * 2, [[0.9, 0.1]] * 4, repeats=2, groups=("a", "b") * 2)
    copies = make_evaluation([0] * 4, [[0.9, 0.1]] * 4, groups=("a", "a", "b", "b"))
    patients = replace(copies, photos=tuple(replace(one, group="p") for one in copies.photos))
    for found, unit in ((repeated, "photo"), (copies, "shot"), (patients, "group")):
        assert found.accuracy.method == f"Wilson, each {unit} counted once"
        assert f"bootstrap over {unit}s" in found.scores["macro_f1"].method


def test_limits__agree_with_the_table_of_the_figures() -> None:
    groups = tuple(f"{i // 5}" for i in range(40)) + tuple(f"b{i}" for i in range(40))
    found = make_evaluation(
        [0] * 40 + [1] * 40, [[0.9, 0.1]] * 40 + [[0.1, 0.9]] * 40, groups=groups
    )
    recall = found.per_class[0].recall
    assert recall is not None
    assert f"all right, as low as {metrics.say_share(recall.low)}." in (found.limits or "")


def test_limits__speak_of_the_interval_of_the_accuracy() -> None:
    alone = make_evaluation([0] * 40, [[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 20)
    copies = replace(alone, groups=tuple(str(i // 4) for i in range(40)))
    for found in (alone, copies):
        lowest = f"as low as {metrics.say_share(found.accuracy.low)}"
        assert lowest in (found.limits or "")
    assert copies.limits != alone.limits
