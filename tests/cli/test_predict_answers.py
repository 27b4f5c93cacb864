"""What ``figsight predict`` says besides a name: unknown, sets, a threshold, evidence."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.bundle.make import (
    make_bundle,
    make_calibration,
    make_line,
    make_manifest,
    make_sets,
    make_unknown,
)
from tests.cli.make import call, refused

from figsight.classifier import Prediction, Ranked, Sought, load
from figsight.cli.predict import COLUMNS, _describe, _list_cells
from figsight.metrics import say_probability

if TYPE_CHECKING:
    from pathlib import Path


_ABC = (("A", 0.9), ("B", 0.07), ("C", 0.03))


KEYS = [
    *("path", "class_id", "name", "probability", "top"),
    *("unknown", "unknown_score", "set", "sought"),
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of which ``ruled`` knows half."""
    folder = tmp_path_factory.mktemp("both")
    for index in range(8):
        pixels = np.random.default_rng(index).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:02d}.png")
    return folder


@pytest.fixture(scope="module")
def ruled(both: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that tells unknown photos and gives sets."""
    folder = tmp_path_factory.mktemp("ruled")
    with load(make_bundle(folder / "plain")) as classifier:
        probabilities = [one.probability for one in classifier.predict(list(both.iterdir()))]
    calibration = make_calibration(
        temperature=1.0,
        unknown=make_unknown(
            "max_softmax",
            threshold=1 - float(np.median(probabilities)),
            lines=[make_line(0.8, 1 - max(probabilities) - 1e-6)],
        ),
        sets=make_sets(threshold=0.7),
    )
    return make_bundle(folder / "model", make_manifest(calibration=calibration))


def test_predict__json_tells_unknown_photos_and_sets(ruled: Path, both: Path) -> None:
    lines = call("predict", ruled, both, "--json").stdout.splitlines()
    told = set()
    with load(ruled) as classifier:
        for line, said in zip(map(json.loads, lines), classifier.predict_each(both), strict=True):
            assert isinstance(said, Prediction)
            assert list(line) == KEYS
            assert line["unknown"] is said.unknown
            told.add(said.unknown)
            assert line["unknown_score"] == said.unknown_score
            assert said.names is not None
            assert line["set"] == [
                {"class_id": one.class_id, "name": one.name} for one in said.names
            ]
    assert told == {True, False}


def test_predict__csv_tells_unknown_photos(ruled: Path, both: Path) -> None:
    _, *rows = csv.reader(io.StringIO(call("predict", ruled, both, "--csv").stdout))
    with load(ruled) as classifier:
        for row, said in zip(rows, classifier.predict_each(both), strict=True):
            assert isinstance(said, Prediction)
            assert row[4] == ("true" if said.unknown else "false")
            assert float(row[5]) == pytest.approx(said.unknown_score, rel=1e-5)
            assert said.names is not None
            assert row[7].split("; ") == [one.name for one in said.names]


def test_predict__keep_draws_another_line(ruled: Path, both: Path) -> None:
    def count(*how: str) -> int:
        return call("predict", ruled, both, *how).stdout.count(": unknown (")

    assert count("--keep", "0.8") == 8
    assert count() == count("--keep", "0.95") == 4
    assert refused("predict", ruled, both, "--keep", "0.9") == (
        f"figsight: {ruled}: expected a share of known photos to keep that it has a line for "
        "(0.8, 0.95), found 0.9; choose one of these"
    )


def test_predict__text_says_what_an_unknown_photo_looks_most_like(ruled: Path, both: Path) -> None:
    lines = call("predict", ruled, both).stdout.splitlines()
    with load(ruled) as classifier:
        for line, said in zip(lines, classifier.predict_each(both), strict=True):
            assert isinstance(said, Prediction)
            best = f"{said.name}, {say_probability(said.probability)}"
            if said.unknown:
                assert line == f"{said.path}: unknown (looks most like {best})"
            else:
                assert line.startswith(f"{said.path}: {best}")


@pytest.mark.parametrize(
    ("size", "top", "said"),
    [
        (1, 5, "a.png: A, 90.0 %"),
        (2, 5, "a.png: A, 90.0 %  set of names: A; B"),
        (3, 2, "a.png: A, 90.0 %  set of names: A; B; and 1 more"),
    ],
)
def test_predict__text_names_a_set_of_more_than_the_first(size: int, top: int, said: str) -> None:
    ranked = tuple(Ranked(str(i), name, p) for i, (name, p) in enumerate(_ABC))
    prediction = Prediction("a.png", "0", "A", 0.9, ranked[:1], names=ranked[:size])
    assert _describe(prediction, top).replace("\u00a0%", " %") == said
    assert _list_cells(prediction)[-2] == "; ".join("ABC"[:size])
    # What is called unknown is of none of them.
    assert "set" not in _describe(replace(prediction, unknown=True), top)


@pytest.mark.parametrize(
    ("ill", "threshold", "said"),
    [
        (
            0.4,
            0.25,
            "a.png: well, 60.0 %  (then ill, 40.0 %)  counts as ill: that begins at 25.0 %",
        ),
        (0.2, 0.25, "a.png: well, 80.0 %  (then ill, 20.0 %)"),
        (
            0.6,
            0.7,
            "a.png: ill, 60.0 %  (then well, 40.0 %)  does not count as ill: that begins at 70.0 %",
        ),
        (0.998, 0.25, "a.png: ill, 99.8 %"),
    ],
)
def test_predict__text_says_where_the_threshold_makes_something_else_of_a_photo(
    ill: float, threshold: float, said: str
) -> None:
    ranked = [Ranked("0", "well", 1 - ill), Ranked("1", "ill", ill)]
    first, second = sorted(ranked, key=lambda one: -one.probability)
    prediction = Prediction(
        *("a.png", first.class_id, first.name, first.probability, (first, second)),
        sought=Sought("1", "ill", ill, threshold),
    )
    assert _describe(prediction, 5).replace("\u00a0%", " %") == said
    cells = dict(zip(COLUMNS, _list_cells(prediction), strict=True))
    assert (cells["found"], cells["set"]) == (str(ill >= threshold).lower(), "")
    found = prediction.to_dict()["sought"]
    assert found == {
        "class_id": "1",
        "name": "ill",
        "probability": ill,
        "threshold": threshold,
        "found": ill >= threshold,
    }


def test_predict__text_says_how_much_an_unknown_photo_counts_as_what_is_looked_for() -> None:
    top = (Ranked("0", "well", 0.6), Ranked("1", "ill", 0.4))
    said = Prediction(
        *("a.png", "0", "well", 0.6, top), unknown=True, sought=Sought("1", "ill", 0.4, 0.25)
    )
    assert _describe(said, 5).replace("\u00a0%", " %") == (
        "a.png: unknown (looks most like well, 60.0 %)  counts as ill with 40.0 %: that begins at 25.0 %"
    )


def test_predict__draws_evidence(ruled: Path, both: Path, out: Path) -> None:
    sizes = []
    for name, words in (("plain.png", []), ("evidence.png", ["--evidence"])):
        result = call("predict", ruled, both, "--json", "--picture", out / name, *words)
        assert result.exit_code == 0
        assert result.stderr == f"picture: {out / name}\n8 photos: 4 named, 4 unknown\n"
        with Image.open(out / name) as image:
            sizes.append(image.size)
    assert sizes[1] > sizes[0]


def test_predict__says_the_same_with_evidence(ruled: Path, both: Path, out: Path) -> None:
    (out / "bad.png").write_bytes(b"no picture")
    plain = call("predict", ruled, both, out / "bad.png", "--json")
    told = call(
        *("predict", ruled, both, out / "bad.png"),
        *("--json", "--evidence", "--picture", out / "page.png"),
    )
    assert plain.exit_code == told.exit_code == 2
    assert told.stdout == plain.stdout
    *before, last = plain.stderr.splitlines()
    assert last == "9 photos: 4 named, 4 unknown, 1 unreadable"
    assert told.stderr.splitlines() == [*before, f"picture: {out / 'page.png'}", last]


def test_predict__evidence_needs_a_picture(ruled: Path, both: Path) -> None:
    assert refused("predict", ruled, both, "--evidence") == (
        "figsight: --evidence goes with --picture only: say where to draw it"
    )
