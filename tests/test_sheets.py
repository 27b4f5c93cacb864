from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.bundle.make import make_jpeg

from figsight import sheets
from figsight.classifier import Evidence, Neighbour, Prediction, Ranked
from figsight.classifier.results import Sought
from figsight.dataset import Dataset, Figure, read
from figsight.drawing import GAP
from figsight.drawing.tiles import look_at
from figsight.errors import OutputError, PhotoError
from figsight.evaluation import Evaluation
from figsight.evaluation.results import Resembling
from figsight.images import InputSpec
from figsight.sheets import (
    draw_dataset,
    draw_evaluation,
    draw_evidence,
    draw_predictions,
    save_sheets,
)

if TYPE_CHECKING:
    from figsight.drawing import Tile


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two figures with five and one photos."""
    for name, count in (("a", 5), ("b", 1)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for index in range(count):
            # Its grey tells which photo it is.
            grey = 10 * index + (100 if name == "b" else 0)
            Image.new("RGB", (30, 20), (grey, grey, grey)).save(
                tmp_path / "set" / name / f"{index}.png"
            )
    return tmp_path / "set"


class Drawn:
    """Stands in for ``draw_sheets`` and keeps what it is given."""

    tiles: list[Tile]
    heading: str | None
    note: str | None
    together: int

    def __call__(
        self,
        tiles: list[Tile],
        *,
        heading: str | None = None,
        note: str | None = None,
        together: int = 1,
    ) -> list[Image.Image]:
        self.tiles, self.heading, self.note = list(tiles), heading, note
        self.together = together
        return [Image.new("RGB", (8, 8))]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    stand_in = Drawn()
    monkeypatch.setattr(sheets, "draw_sheets", stand_in)
    return stand_in


def make_prediction(name: str, probability: float) -> Prediction:
    top = (Ranked("1", name, probability),)
    return Prediction("a.png", "1", name, probability, top)


def test_draw_predictions__writes_name_and_probability_above_the_photo(
    drawn: Drawn, photos: Path
) -> None:
    path = photos / "a" / "3.png"
    draw_predictions([(path, make_prediction("YODA", 0.974)), (path, make_prediction("X", 1.0))])
    assert [tile.title for tile in drawn.tiles] == ["YODA, 97.4\u00a0%", "X, >\u00a099.9\u00a0%"]
    assert all((look_at(tile.pixels) == 30).all() for tile in drawn.tiles)


@given(st.floats(0, 1) | st.sampled_from([0.9995, 0.99949999999, float(np.nextafter(0.9995, 0))]))
def test_draw_predictions__never_claims_certainty(probability: float) -> None:
    title = sheets._title("YODA", probability)
    assert "100" not in title
    shown = re.fullmatch(r"YODA, ([<>]\s)?(\d+\.\d)\s%", title)
    assert shown
    assert float(shown[2]) == pytest.approx(100 * probability, abs=0.1001)


@pytest.mark.parametrize(
    ("paths", "feet"),
    [
        (["/x/a/1.jpg", "/x/b/2.jpg"], ["1.jpg", "2.jpg"]),
        (["/x/a/1.jpg", "/x/b/1.jpg"], ["a/1.jpg", "b/1.jpg"]),
        (["a/1.jpg", "b/1.jpg", "1.jpg"], ["a/1.jpg", "b/1.jpg", "1.jpg"]),
        (["/a/1.jpg", "1.jpg"], ["1.jpg", "1.jpg"]),
        (["a/1.jpg", "a/1.jpg"], ["1.jpg", "1.jpg"]),
        (["<bytes>", "<array>"], ["<bytes>", "<array>"]),
        ([], []),
    ],
)
def test_draw_predictions__says_which_file_a_card_shows(
    drawn: Drawn, paths: list[str], feet: list[str]
) -> None:
    made = make_prediction("YODA", 0.974)
    spec = InputSpec(16, 16)
    draw_predictions([(path, replace(made, path=path)) for path in paths])
    assert [Path(tile.foot) for tile in drawn.tiles] == [Path(foot) for foot in feet]
    evidence = make_evidence(None)
    draw_evidence([(path, replace(made, path=path), evidence) for path in paths], spec)
    assert [Path(tile.foot) for tile in drawn.tiles] == [Path(foot) for foot in feet]


def test_draw_predictions__marks_unknown_photos(drawn: Drawn, photos: Path) -> None:
    path = photos / "a" / "3.png"
    known = replace(make_prediction("YODA", 0.974), unknown=False, unknown_score=0.1)
    unknown = replace(make_prediction("YODA", 0.43), unknown=True, unknown_score=0.9)
    draw_predictions([(path, known), (path, unknown)])
    assert [(tile.title, tile.lines, tile.tone) for tile in drawn.tiles] == [
        ("YODA, 97.4\u00a0%", (), "plain"),
        ("unknown", ("most like YODA, 43.0\u00a0%",), "unsure"),
    ]


def test_draw_predictions__says_of_an_unknown_photo_too_that_it_counts(
    drawn: Drawn, photos: Path
) -> None:
    sought = Sought("2", "ill", 0.36, 0.3)
    unknown = replace(make_prediction("well", 0.64), unknown=True, unknown_score=0.9, sought=sought)
    draw_predictions([(photos / "a" / "3.png", unknown)])
    (tile,) = drawn.tiles
    assert tile.lines == ("most like well, 64.0\u00a0%", "counts as ill")


def test_draw_predictions__names_the_rest_of_the_set(drawn: Drawn, photos: Path) -> None:
    others = tuple(Ranked(str(i), name, 0.1) for i, name in enumerate(("YODA", "ANN", "BOB"), 1))
    prediction = replace(make_prediction("YODA", 0.8), names=others)
    draw_predictions(
        [
            (photos / "a" / "3.png", one)
            for one in (
                prediction,
                replace(prediction, names=others[:1]),
                replace(prediction, unknown=True),
            )
        ]
    )
    assert [tile.lines for tile in drawn.tiles] == [
        ("or ANN, BOB",),
        (),
        ("most like YODA, 80.0\u00a0%",),
    ]


def make_evidence(thumbnail: bytes | None) -> Evidence:
    heat = np.array([[-1, 0], [0, 2]], np.float32)
    near = Neighbour("set/1.png", "2", "ANN", 0.1234, thumbnail)
    return Evidence(heat, "1", (near, replace(near, name="BOB", distance=1.0)))


def test_draw_evidence__lays_the_heat_over_the_photo_and_shows_who_looks_alike(
    drawn: Drawn, photos: Path
) -> None:
    path = photos / "a" / "3.png"
    spec = InputSpec(16, 16)
    prediction = replace(make_prediction("YODA", 0.974), unknown=True)
    pages = draw_evidence([(path, prediction, make_evidence(make_jpeg()))], spec)
    assert len(pages) == 1
    (tile,) = drawn.tiles
    assert (tile.title, tile.tone) == ("unknown", "unsure")
    assert [(one.title, one.line) for one in tile.insets] == [
        ("ANN", "distance 0.12"),
        ("BOB", "distance 1.0"),
    ]
    assert all(look_at(one.pixels).shape == (8, 8, 3) for one in tile.insets)
    assert tile.second is not None
    change = np.abs(look_at(tile.second).astype(int) - look_at(tile.pixels)).sum(axis=2)
    assert change[:5, :7].max() == 0  # what speaks against it is not coloured
    assert np.unravel_index(change.argmax(), change.shape) > (10, 15)
    assert drawn.note is not None
    assert "at distance 0 they look the same to the network" in drawn.note


def test_draw_evidence__goes_without_thumbnails(photos: Path) -> None:
    path = photos / "a" / "3.png"
    results = [(path, make_prediction("YODA", 0.974), make_evidence(None))]
    (page,) = draw_evidence(results, InputSpec(16, 16))
    assert min(page.size) > 100


def test_draw_evaluation__puts_mistakes_first_with_the_true_name(
    drawn: Drawn, photos: Path
) -> None:
    dataset = read(photos)
    figures = (Figure("a", "ANN", "ANN"), Figure("b", "BOB", "BOB"))
    right = np.array([True, True, False, True, True, False])
    labels = np.array(dataset.labels(), np.int64)
    said = np.where(right, labels, 1 - labels)
    probabilities = np.where(np.arange(2) == said[:, None], 0.75, 0.25)
    draw_evaluation(Evaluation("six", figures, tuple(dataset.photos), labels, probabilities))
    assert [(tile.title, tile.lines, tile.tone) for tile in drawn.tiles] == [
        ("BOB, 75.0\u00a0%", ("true: ANN",), "bad"),
        ("ANN, 75.0\u00a0%", ("true: BOB",), "bad"),
        *[("ANN, 75.0\u00a0%", (), "good")] * 4,
    ]
    assert [int(look_at(tile.pixels)[0, 0, 0]) for tile in drawn.tiles] == [20, 100, 0, 10, 30, 40]
    assert drawn.heading is not None
    assert drawn.heading.startswith(
        "4 of 6 photos named right: 66.7\u00a0%, with a 95\u00a0% interval "
    )
    assert "unknown" not in drawn.heading


def test_draw_evaluation__does_not_call_right_what_a_model_does_not_name(
    drawn: Drawn, photos: Path
) -> None:
    dataset = read(photos)
    figures = (Figure("a", "ANN", "ANN"), Figure("b", "BOB", "BOB"))
    labels = np.array(dataset.labels(), np.int64)
    said = np.where([True, True, False, True, True, False], labels, 1 - labels)
    mended = np.where(np.arange(6) == 2, labels, said)  # the first repeat has one mistake less
    evaluation = Evaluation(
        "twice six",
        figures,
        tuple(dataset.photos) * 2,
        np.tile(labels, 2),
        np.vstack(
            [
                np.where(np.arange(2) == one[:, None], sure, 1 - sure)
                for one, sure in (
                    (mended, 0.75),
                    (said, np.array([[0.75], [0.75], [0.9]] + [[0.75]] * 3)),
                )
            ]
        ),
        repeats=2,
        unknown=np.array([False, False, False, True, False, True] + [False] * 5 + [True]),
    )
    draw_evaluation(evaluation)
    assert [(tile.title, tile.lines, tile.tone) for tile in drawn.tiles] == [
        ("BOB, 90.0\u00a0%", ("true: ANN", "right in 1 of 2"), "bad"),  # the surest mistake first
        ("ANN, 75.0\u00a0%", ("true: BOB", "right in 0 of 2", "called unknown"), "bad"),
        ("ANN, 75.0\u00a0%", ("right in 2 of 2", "called unknown"), "unsure"),
        *[("ANN, 75.0\u00a0%", ("right in 2 of 2",), "good")] * 3,
    ]
    assert [int(look_at(tile.pixels)[0, 0, 0]) for tile in drawn.tiles] == [20, 100, 30, 0, 10, 40]
    assert drawn.heading is not None
    assert drawn.heading.startswith("9 of 12 answers to 6 photos right: 75.0\u00a0%, with a 95")
    assert drawn.heading.endswith("; 3 called unknown (both repeats)")


def test_draw_evaluation__says_what_the_report_says_of_photos_that_were_trained_on(
    drawn: Drawn, photos: Path
) -> None:
    dataset = read(photos)
    figures = (Figure("a", "ANN", "ANN"), Figure("b", "BOB", "BOB"))
    labels = np.array(dataset.labels(), np.int64)
    said = np.where([True, True, False, True, True, True], labels, 1 - labels)
    paths = [photo.path for photo in dataset.photos]
    evaluation = Evaluation(
        "six",
        figures,
        tuple(dataset.photos),
        labels,
        np.where(np.arange(2) == said[:, None], 0.75, 0.25),
        trained_on=tuple(paths[:2]),
        resembles_trained=(Resembling(paths[3], paths[0], 0.99),),
    )
    draw_evaluation(evaluation)
    assert drawn.heading is not None
    assert drawn.heading.startswith("2 of the 3 photos that it had not seen named right: 66.7")
    assert [(tile.lines, tile.tone) for tile in drawn.tiles] == [
        (("true: ANN",), "bad"),
        (("trained on",), "plain"),
        (("trained on",), "plain"),
        (("like a training photo",), "plain"),
        ((), "good"),
        ((), "good"),
    ]
    draw_evaluation(replace(evaluation, trained_on=tuple(paths), resembles_trained=()))
    assert drawn.heading == "No test: the model was trained on all 6 of these photos"


def test_draw_dataset__shows_a_spread_of_each_figure(drawn: Drawn, photos: Path) -> None:
    dataset = read(photos)
    figures = (*dataset.figures, Figure("c", "c", "c"))
    draw_dataset(Dataset("set", figures, dataset.photos), 3)
    *shown, gap, last = drawn.tiles
    assert [(tile.title, int(look_at(tile.pixels)[0, 0, 0])) for tile in shown] == [
        ("a, 5\u00a0photos", 0),
        ("", 20),
        ("", 40),
        ("b, 1\u00a0photo", 100),
    ]
    # The next figure would begin a row of three.
    assert gap is last is GAP
    assert drawn.together == 3
    assert drawn.heading == "set: 3 figures, 6 photos"


def test_draw_dataset__leaves_no_gaps_for_photos_that_nobody_has(
    drawn: Drawn, photos: Path
) -> None:
    draw_dataset(read(photos), 50)
    assert (len(drawn.tiles), drawn.together) == (10, 5)


def test_draw_dataset__names_a_photo_that_cannot_be_decoded(photos: Path) -> None:
    (photos / "b" / "0.png").write_bytes(b"no picture")
    with pytest.raises(PhotoError, match=r"^b/0\.png: "):
        list(draw_dataset(read(photos), 2))


def test_draw_dataset__names_a_photo_that_is_gone(photos: Path) -> None:
    dataset = read(photos)
    (photos / "b" / "0.png").unlink()
    with pytest.raises(PhotoError, match=r"^b/0\.png: No such file or directory$"):
        list(draw_dataset(dataset, 2))


def test_save_sheets__numbers_the_pages(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    paths = save_sheets(pages, tmp_path / "out.png")
    assert [path.name for path in paths] == ["out.png", "out-2.png", "out-3.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    for page, path in zip(pages, paths, strict=True):
        with Image.open(path) as image:
            assert image.getpixel((0, 0)) == page.getpixel((0, 0))


def test_save_sheets__refuses_nothing() -> None:
    with pytest.raises(OutputError) as caught:
        save_sheets([], Path("out.png"))
    assert str(caught.value) == "out.png: expected photos to draw, found none"


def test_draw_sheets__makes_pictures_of_real_tiles(photos: Path, tmp_path: Path) -> None:
    path = photos / "a" / "1.png"
    sheet = draw_predictions([(path, make_prediction("YODA", 0.5))])
    (page,) = save_sheets(sheet, tmp_path / "page.png")
    with Image.open(page) as image:
        assert image.format == "PNG"
        assert min(image.size) > 30
