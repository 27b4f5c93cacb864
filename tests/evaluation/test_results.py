from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figsight.dataset import Figure, Photo
from figsight.errors import PhotoError
from figsight.evaluation import Evaluation


def make_evaluation(labels: list[int], probabilities: list[list[float]]) -> Evaluation:
    p = np.array(probabilities, np.float64)
    return Evaluation(
        protocol="some photos",
        figures=tuple(Figure(str(k), "SAME", f"SAME ({k})") for k in range(p.shape[1])),
        photos=tuple(Photo(f"{i}.png", Path(f"{i}.png")) for i in range(len(labels))),
        labels=np.array(labels, np.int64),
        probabilities=p / p.sum(axis=1, keepdims=True),
        skipped=(PhotoError("bad.png", "it is damaged"),),
        notes=("A note.",),
        seconds=1.23456,
    )


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
    assert found["scores"]["roc_auc"]["value"] == 1
    assert found["correct"] == 2


def test_predicted__takes_the_first_of_equally_probable_figures() -> None:
    assert make_evaluation([1], [[0.5, 0.5]]).predicted.tolist() == [0]
