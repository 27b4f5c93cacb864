"""Single parts of the report: text, confusions, epochs, plots."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluation.make import make_evaluation

from figsight.evaluation.history import read_history
from figsight.evaluation.report.confusion import MOST, choose_figures, write_confusion
from figsight.evaluation.report.markup import name, path, table, text
from figsight.evaluation.report.photos import choose_photos
from figsight.evaluation.report.plots import plot_curves, plot_reliability, plot_strangeness
from figsight.evaluation.report.svg import INK
from figsight.metrics import say_distance

if TYPE_CHECKING:
    from figsight.evaluation import Evaluation


@given(st.text())
def test_text__holds_no_markup(value: str) -> None:
    found = text(value)
    assert not set("<>\"'\n\x00") & set(found)
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt|quot|#x27);)*", found)


@given(st.text(alphabet="a/<>&"))
def test_path__may_be_broken_after_its_slashes_only(value: str) -> None:
    assert path(value, 1000).replace("<wbr>", "") == name(value, 1000)
    assert path(value, 1000).count("<wbr>") == value.count("/")


def test_table__escapes_its_heads() -> None:
    assert '<th scope="col">a &lt; b</th>' in table(("a < b",), [])


def test_choose_figures__shows_all_of_a_few_and_the_confused_of_many() -> None:
    assert choose_figures(np.eye(37, dtype=np.int64)) == list(range(37))
    matrix = 10 * np.eye(200, dtype=np.int64)
    matrix[3, 150] = 2
    matrix[199, 0] = 1
    assert choose_figures(matrix) == [0, 3, 150, 199]
    assert len(choose_figures(np.ones((200, 200), np.int64))) == MOST
    assert choose_figures(np.eye(200, dtype=np.int64)) == []


def make_mistakes(figures: int, mistakes: int) -> Evaluation:
    """Return an evaluation with a photo a figure; of the first ones each is taken for the last."""
    said = np.arange(figures)
    said[:mistakes] = figures - 1
    return make_evaluation(list(range(figures)), np.eye(figures)[said].tolist())


def test_write_confusion__of_many_figures_shows_those_that_take_part_in_a_mistake() -> None:
    none = write_confusion(make_mistakes(80, 0))
    assert "Nothing was taken for anything else." in none
    assert "Shown are" not in none
    assert "<table" not in none
    few = write_confusion(make_mistakes(80, 3))
    assert "Shown are 4 of 80 figures, those that take part in a mistake." in few
    assert "others" not in few


def test_write_confusion__of_very_many_mistakes_hides_none_in_a_row_that_is_shown() -> None:
    evaluation = make_mistakes(200, 0)
    answers = np.roll(np.arange(200), 1)  # each is taken for the one before it
    evaluation = replace(evaluation, probabilities=np.eye(200)[answers])
    page = write_confusion(evaluation)
    assert "Shown are 60 of the 200 figures (of 200) that take part in a mistake" in page
    assert "the JSON has the whole table" in page
    head, *rows = page.split("<tbody>")[0].split("<tr>")[-1:] + page.split('<th scope="row">')[1:]
    assert "others" in head
    assert len(rows) == MOST
    for row in rows:
        assert sum(map(int, re.findall(r">(\d+)</td>", row))) == 1


def test_write_confusion__numbers_many_figures_and_names_few() -> None:
    few = write_confusion(make_evaluation([0, 1], [[0.9, 0.1, 0], [0.8, 0.2, 0]]))
    assert few.count('<th scope="col" class="name"><bdi>SAME') == 3
    assert "<li><bdi>SAME (1)</bdi> taken for <bdi>SAME (0)</bdi>: 1 of 1</li>" in few
    many = write_confusion(make_evaluation([0], [np.eye(37)[0].tolist()]))
    assert 'title="SAME (36)">37</abbr>' in many
    assert many.count("<td") == 37 * 37


def test_write_confusion__keeps_the_table_for_those_who_have_room() -> None:
    two = write_confusion(make_evaluation([0, 1], [[0.9, 0.1], [0.8, 0.2]]))
    assert "<details" not in two
    many = write_confusion(make_evaluation([0], [np.eye(37)[0].tolist()]))
    assert many.index("<details") < many.index("<table") < many.index("</details>")
    assert "<summary>The table of 37 figures</summary>" in many


def test_choose_photos__takes_the_right_ones_from_everywhere() -> None:
    n = 2000
    p = np.tile([0.9, 0.1, 0.0], (n, 1))
    labels = np.zeros(n, np.int64)
    labels[500:510] = 1
    chosen = choose_photos(make_evaluation(labels.tolist(), p.tolist()))
    assert chosen[:10] == list(range(500, 510))
    right = chosen[10:]
    assert len(right) == 290
    assert right == sorted(set(right))
    assert max(np.diff(right)) <= 18
    assert (right[0], right[-1]) == (0, n - 1)


def test_choose_photos__of_nothing_right_shows_the_wrong() -> None:
    made = make_evaluation([1, 1], [[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]])
    assert choose_photos(made) == [0, 1]


GOOD = "run,epoch,loss,accuracy,seconds\nfold 1,1,2.5,0.1,3\nfinal,1,2.4,0.2,3\nfinal,2,1.0,0.9,3\n"


def test_read_history__groups_epochs_by_network() -> None:
    assert read_history(GOOD) == {
        "fold 1": [(1, 2.5, 0.1)],
        "final": [(1, 2.4, 0.2), (2, 1.0, 0.9)],
    }


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "epoch,loss\n1,2.5\n",
        GOOD.replace("2.4", "nan"),
        GOOD.replace("2.4", "<b>"),
        GOOD.replace(",0.9,3", ""),
        GOOD + '"' + "x" * 200_000,
    ],
)
def test_read_history__of_anything_else_is_nothing(text: str | None) -> None:
    assert read_history(text) == {}


def test_plots__take_the_colour_of_the_page_and_share_no_ids() -> None:
    rng = np.random.default_rng(0)
    made = make_evaluation(rng.integers(0, 3, 60).tolist(), rng.random((60, 3)).tolist())
    one = plot_reliability(made)
    two = plot_strangeness([0.1, 0.2], [0.5, 90.0], 0.3)
    for svg in (one, two):
        assert svg.startswith('<svg role="img" aria-label="')
        assert svg.endswith("</svg>")
        assert "currentColor" in svg
        assert INK not in svg
        assert "<style" not in svg
        assert " width=" not in svg[: svg.index(">")]
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
        assert used <= set(re.findall(r'\bid="([^"]+)"', svg))
    assert not set(re.findall(r'\bid="([^"]+)"', one)) & set(re.findall(r'\bid="([^"]+)"', two))


def test_plot_strangeness__shades_where_thresholds_differ() -> None:
    for limits, words in ((0.4, "threshold"), ([0.4, 0.4], "threshold")):
        assert f">{words}</text>" in plot_strangeness([0.1, 0.2], [0.5], limits)
    band = plot_strangeness([0.1, 0.2], [0.5], [0.3, 0.4])
    assert ">the folds' thresholds</text>" in band
    assert ">threshold</text>" not in band


def test_plot_curves__are_two_that_stand_below_each_other_on_a_phone() -> None:
    loss, accuracy = plot_curves({"final": [(1, 2.4, 0.2), (2, 1.0, 0.9)]})
    assert "loss, nats" in loss
    assert "accuracy, varied views" in accuracy
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (loss, accuracy)]
    assert all(ids)
    assert not ids[0] & ids[1]


def test_plot_strangeness__can_have_no_strangers_and_no_spread() -> None:
    assert plot_strangeness([1.0, 1.0], [], None)
    assert plot_strangeness([1.0], [1.0], 1.0)


@pytest.mark.parametrize(
    ("distance", "words"),
    [(0.0, "<0.0001"), (0.0394, "0.039"), (0.1, "0.10"), (0.123, "0.12"), (1.0, "1.0")],
)
def test_say_distance__has_two_digits_that_count(distance: float, words: str) -> None:
    assert say_distance(distance) == words
