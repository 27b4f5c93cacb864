"""The head of a report: what is a test and what is none, and where a model fails most."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.evaluation.make import make_evaluation, make_remembering, plant_desk

from figsight.evaluation import evaluate
from figsight.evaluation.report.verdict import write_scores, write_verdict
from figsight.evaluation.results import Caveat, Resembling
from figsight.evaluation.tested import keep_tested
from figsight.metrics import wilson

if TYPE_CHECKING:
    from pathlib import Path


def read_words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split()).replace(" .", ".")


def read_head(html: str) -> str:
    return read_words(html[html.index("<h1>") : html.index("</h1>")])


def answers(
    wrong: dict[tuple[int, int], int], each: int = 10
) -> tuple[list[int], list[list[float]]]:
    """Make up labels and probabilities: so many photos a figure, of some of which others are said."""
    figures = 1 + max(max(pair) for pair in wrong)
    said = []
    for figure in range(figures):
        rest = each
        for (true, taken), times in wrong.items():
            if true == figure:
                said += [(true, taken)] * times
                rest -= times
        said += [(figure, figure)] * rest
    p = np.full((len(said), figures), 0.1)
    p[np.arange(len(said)), [taken for _, taken in said]] = 0.9
    return [true for true, _ in said], p.tolist()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({(0, 1): 3, (2, 1): 1}, "It fails most on SAME (0) : 3 of 10 taken for SAME (1)."),
        (
            {(0, 1): 3, (0, 2): 1},
            "It fails most on SAME (0) : 4 of 10 named wrong, 3 of them SAME (1).",
        ),
        ({(0, 1): 2, (0, 2): 2}, "It fails most on SAME (0) : 4 of 10 named wrong."),
        (
            {(0, 1): 2, (1, 0): 2, (2, 0): 1},
            "It fails most on SAME (0) (2 of 10 wrong) and SAME (1) (2 of 10 wrong).",
        ),
        (
            {(k, k + 1): 2 for k in range(4)},
            "It fails most on 4 figures: 20.0 % of the photos of each are named wrong.",
        ),
        ({(0, 1): 1, (2, 1): 1}, "Its 2 mistakes are spread: no figure has more than one."),
        ({(0, 1): 1, (2, 2): 0}, "Its only mistake: SAME (0) taken for SAME (1)."),
    ],
)
def test_write_verdict__says_where_it_fails_most(
    wrong: dict[tuple[int, int], int], words: str
) -> None:
    found = read_words(write_verdict(make_evaluation(*answers(wrong))))
    assert words in found
    assert len(re.findall("It fails most|Its only mistake|are spread", found)) == 1


def test_write_verdict__fails_most_where_the_share_is_largest() -> None:
    """A large figure has more mistakes than a small one that is hardly ever found."""
    labels = [0] * 100 + [1] * 4 + [2]
    said = [1] * 6 + [0] * 94 + [0, 0, 0, 1] + [0]
    found = read_words(write_verdict(make_evaluation(labels, np.eye(3)[said].tolist())))
    assert "It fails most on SAME (1) : 3 of 4 taken for SAME (0)." in found
    assert "Most of its mistakes are of SAME (0) : 6 of 10." in found


def test_write_verdict__says_how_many_photos_count_where_some_are_copies() -> None:
    made = make_evaluation(*answers({(0, 1): 1}), groups=tuple(str(i // 2) for i in range(20)))
    words = read_words(write_verdict(made))
    assert "20 photos, 10 different shots: copies count once in every interval." in words
    alone = make_evaluation(*answers({(0, 1): 1}), groups=tuple(str(i) for i in range(20)))
    assert "different shots" not in write_verdict(alone)
    patients = replace(made, photos=tuple(replace(one, group="p") for one in made.photos))
    assert "20 photos in 10 groups: what belongs together counts" in write_verdict(patients)


def test_write_verdict__of_no_mistake_names_no_figure() -> None:
    found = write_verdict(make_evaluation(*answers({(0, 1): 0})))
    assert "SAME" not in found
    assert "20 of 20 photos named right" in found


def test_write_verdict__of_photos_that_were_trained_on_is_no_test() -> None:
    made = make_evaluation(*answers({(0, 1): 1}))
    made = make_evaluation(
        *answers({(0, 1): 1}),
        trained_on=tuple(photo.path for photo in made.photos),
        notes=(Caveat("The model was trained on all 20 of these photos: so."), "A note."),
        unknown=np.array([True] + 19 * [False]),
        strangeness=np.zeros(20),
    )
    found = write_verdict(made)
    assert read_head(found) == "No test: the model was trained on all 20 of these photos."
    words = read_words(found)
    assert "It names 19 of 20 right: that shows what it remembers" in words
    assert "A note." in words
    assert "%" not in words
    for unsaid in ("With 20 photos", "fails most", "Its only mistake", "may say", ": so."):
        assert unsaid not in words


def test_write_verdict__counts_only_what_the_model_had_not_seen() -> None:
    labels, p = answers({(0, 1): 2, (1, 0): 1})
    seen = (*range(2, 8), 11)  # right answers
    made = make_evaluation(
        labels,
        p,
        trained_on=tuple(f"{i}.png" for i in seen),
        groups=tuple(str(i) for i in range(20)),
        notes=(
            Caveat("The model was trained on 7 of these 20 photos: so."),
            Caveat("1 of 3 figures has none."),
        ),
    )
    found = write_verdict(made)
    score = wilson(10, 13)
    assert read_head(found) == (
        "10 of the 13 photos that it had not seen named right: 76.9 %, with a 95 % interval from "
        f"{100 * score.low:.1f} % to {100 * score.high:.1f} %."
    )
    words = read_words(found)
    assert "It fails most on SAME (0) : 2 of 4 taken for SAME (1)." in words
    assert "So few photos leave room: the true accuracy may be as low as 49.7 %" in words.replace(
        "\u00a0", " "
    )
    assert (
        "The model was trained on 7 of these 20 photos. What it has seen is neither in the" in words
    )
    assert ": so." not in words
    assert "1 of 3 figures has none." in words  # another caveat stays
    # The table is of these photos, too.
    scores = read_words(write_scores(made))
    assert (
        "The table is of the 13 photos that the model had not seen. What stands below it" in scores
    )
    assert re.search("Accuracy photos named right 76.9.%", scores)


def test_write_verdict__does_not_count_what_looks_like_training_photos() -> None:
    labels, p = answers({(0, 1): 2, (1, 0): 1})
    likes = tuple(
        Resembling(f"{i}.png", "a.png", 0.99) for i in (0, 12)
    )  # a wrong answer and a right
    made = make_evaluation(labels, p, trained_on=("13.png",), resembles_trained=likes)
    found = read_words(write_verdict(made))
    assert read_head(write_verdict(made)).startswith(
        "15 of the 17 photos that it had not seen named"
    )
    assert (
        "The model was trained on 1 of these 20 photos, and 2 more look much like such photos. What it "
        "has seen is neither in the numbers above"
    ) in found
    assert "12.png (like a.png)" in found
    every = tuple(Resembling(f"{i}.png", "a.png", 0.99) for i in range(20))
    for trained, words in (
        ((), "No test: the model was trained on near-copies of all 20 of these photos."),
        (
            ("0.png",),
            "No test: the model was trained on all 20 of these photos, or on near-copies of them.",
        ),
    ):
        none = make_evaluation(
            labels, p, trained_on=trained, resembles_trained=every[len(trained) :]
        )
        assert none.tested is none.to_dict()["tested"] is None
        assert read_head(write_verdict(none)) == words
        assert "Of photos that the model has seen in training." in write_scores(none)


def test_write_verdict__says_it_of_real_training_photos_once(tmp_path: Path) -> None:
    plant_desk(tmp_path)
    make_remembering(tmp_path / "model", tmp_path / "old")
    found = evaluate(tmp_path / "model", tmp_path / "old", record=False)
    words = read_words(write_verdict(found))
    assert words.count("trained on all 9 of these photos") == 1
    assert "flatter" not in words


def test_write_verdict__says_what_comes_of_unknown() -> None:
    made = make_evaluation(
        *answers({(0, 1): 2}),
        unknown=np.array([True] + 17 * [False] + 2 * [True]),
        strangeness=np.zeros(20),
    )
    assert (
        "If the model may say \u201cunknown\u201d: 16 named right, 1 wrongly, 3 called unknown."
    ) in write_verdict(made)


def test_keep_tested__keeps_what_belongs_together() -> None:
    labels, p = answers({(0, 1): 2, (1, 0): 1})
    made = make_evaluation(labels, p, groups=tuple(f"g{i}" for i in range(20)))
    assert keep_tested(made) is made
    part = keep_tested(
        make_evaluation(labels, p, trained_on=("0.png", "5.png"), groups=made.groups)
    )
    assert part is not None
    kept = [i for i in range(20) if i not in {0, 5}]
    assert [photo.path for photo in part.photos] == [f"{i}.png" for i in kept]
    assert part.groups == tuple(f"g{i}" for i in kept)
    assert np.array_equal(part.labels, made.labels[kept])
    assert np.array_equal(part.probabilities, made.probabilities[kept])
    assert part.correct == made.correct - 1  # the first was wrong
