from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from figsight.dataset.indexing import Listing, index_tree
from figsight.dataset.model import Dataset, Figure
from figsight.dataset.tables import Row
from figsight.dataset.trees import folder_tree
from figsight.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Plant = Callable[..., Path]


def _row(path: str, label: str = "1", name: str | None = None, line: int = 2) -> Row:
    return Row(line, path, label, None, None, name)


def _error(root: Path, *listings: Listing) -> str:
    with pytest.raises(DataError) as caught:
        index_tree(folder_tree(root), listings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_index_tree__keeps_the_order_of_the_table(plant: Plant) -> None:
    tree = folder_tree(plant(["a/1.png", "a/2.png", "a/3.png"]))
    rows = [_row("3.png", "x"), _row("1.png", "10"), _row("./1.png", "10")]
    dataset = index_tree(tree, [Listing("t.csv", "a", rows, "test")])
    assert [(p.path, p.figure_id, p.split) for p in dataset.photos] == [
        ("a/3.png", "x", "test"),
        ("a/1.png", "10", "test"),
    ]
    assert [figure.id for figure in dataset.figures] == ["10", "x"]
    assert [photo.path for photo in dataset.unlisted] == ["a/2.png"]


def test_index_tree__leaves_out_figures_without_photos(plant: Plant) -> None:
    tree = folder_tree(plant(["1.png", "2.png"]))
    known = {id_: Figure(id_, "YODA", "", {"sets": id_}) for id_ in "123"}
    rows = [_row("1.png", "1"), _row("2.png", "4", "VENOM")]
    dataset = index_tree(tree, [Listing("t.csv", "", rows)], known)
    assert [(f.id, f.display) for f in dataset.figures] == [("1", "YODA"), ("4", "VENOM")]


def test_index_tree__says_which_photos_are_missing(plant: Plant) -> None:
    rows = [_row(f"{number}.png") for number in range(6)]
    assert _error(plant(["1.png"]), Listing("t.csv", "", rows)) == (
        "t.csv: 5 of the 6 photos that it lists are not there: 0.png, 2.png, 3.png and 2 more; "
        "paths are relative to the table: put the photos back or correct the table; audit lists all of "
        "them, and --skip-bad continues without them"
    )
    assert _error(
        plant(["1.png"]), Listing("t.csv", "", [_row("0.png"), _row("1.png")])
    ).startswith("t.csv: 1 of the 2 photos that it lists is not there: 0.png; ")
    assert _error(plant(["1.png"]), Listing("t.csv", "", [_row("0.png")])) == (
        "t.csv: the only photo that it lists is not there: 0.png; paths are relative to the table: put "
        "the photos back or correct the table"
    )


def test_index_tree__says_that_urls_are_not_fetched(plant: Plant) -> None:
    rows = [_row("https://a.org/1.png"), _row("HTTP://a.org/2.png")]
    assert _error(plant(["1.png"]), Listing("t.csv", "", rows)) == (
        "t.csv: 2 of the 2 photos that it lists are not there: https://a.org/1.png, "
        "HTTP://a.org/2.png; URLs are not fetched: download the photos, and list their files"
    )


def test_index_tree__goes_on_without_photos_that_are_not_there(plant: Plant) -> None:
    tree = folder_tree(plant(["1.png"]))
    rows = [_row("1.png", "a"), _row("2.png", "b"), _row("https://a.org/3.png", "a")]
    found = index_tree(tree, [Listing("t.csv", "", rows, "test")], skip_missing=True)
    assert [photo.path for photo in found.photos] == ["1.png"]
    assert [(photo.path, photo.split) for photo in found.missing] == [
        ("2.png", "test"),
        ("https://a.org/3.png", "test"),
    ]
    assert [figure.id for figure in found.untaught] == ["b"]
    assert [str(error) for error in found.not_there] == [
        "2.png: expected a file where the table says, found none",
        "https://a.org/3.png: expected a file, found a URL, which is not fetched",
    ]
    with pytest.raises(DataError, match="2 of the 2 photos that it lists are not there"):
        index_tree(tree, [Listing("t.csv", "", rows[1:])], skip_missing=True)


def test_index_tree__refuses_contradictions(plant: Plant) -> None:
    root = plant(["1.png", "2.png"])
    assert _error(root, Listing("t.csv", "", [_row("1.png"), _row("./1.png", "2", line=3)])) == (
        "t.csv, line 3: the photo 1.png is listed twice, with the label '1' and with '2'; "
        "keep one of the rows"
    )
    train = Listing("train.csv", "", [_row("1.png")], "train")
    test = Listing("test.csv", "", [_row("1.png")], "test")
    assert _error(root, train, test) == (
        "test.csv, line 2: the photo 1.png is listed twice, with the split 'train' and with "
        "'test'; keep one of the rows"
    )
    rows = [_row("1.png", name="A"), _row("2.png", name="B", line=3)]
    assert _error(root, Listing("t.csv", "", rows)) == (
        "t.csv, line 3: '1' is called 'B' here and 'A' before; give each figure one name"
    )


def test_index_tree__refuses_a_table_without_rows(plant: Plant) -> None:
    assert _error(plant(["1.png"]), Listing("t.csv", "", [])) == (
        "t.csv: expected photos, found no rows"
    )


def test_figure__and_a_set_of_them_can_be_keys() -> None:
    figure, same = (Figure("1", "A", "A", {"sets": "x"}) for _ in range(2))
    other = replace(figure, metadata={})
    assert {figure: 1}[same] == 1
    assert len({figure, other}) == 2
    assert len({Dataset("d", (figure,), ()), Dataset("d", (same,), ())}) == 1
