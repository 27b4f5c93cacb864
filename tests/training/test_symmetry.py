"""Figures that become others when their photos are mirrored or turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from tests.make import scene
from tests.training.make import TINY

from figsight import bundle
from figsight.training import Silence, change_recipe, train
from figsight.training.adapting import OWN_SIZE
from figsight.training.network import plan_network
from figsight.training.symmetry import (
    AS_IT_IS,
    FARTHER,
    MIRRORED,
    TURNED,
    Change,
    Turn,
    _by_chance,
    _compare,
    choose,
    find_changes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CPU = torch.device("cpu")
SIDE = 96
SIDES = {"left": (0.5, 0.2), "right": (0.5, 0.8), "up": (0.2, 0.5), "down": (0.8, 0.5)}
QUARTER, HALF, THREE_QUARTERS = TURNED


def draw(
    where: str, number: int, colour: tuple[int, int, int] = (230, 200, 40)
) -> NDArray[np.uint8]:
    """A disc near one side of a grey square, a little elsewhere in each photo."""
    rng = np.random.default_rng([number, *map(ord, where)])
    y, x = (np.array(SIDES[where]) + rng.uniform(-0.05, 0.05, 2)) * SIDE
    rows, columns = np.mgrid[:SIDE, :SIDE]
    picture = rng.integers(90, 130, (SIDE, SIDE, 3))
    picture[(rows - y) ** 2 + (columns - x) ** 2 < (0.17 * SIDE) ** 2] = colour
    return picture.astype(np.uint8)


def draw_disc(radius: float, number: int) -> NDArray[np.uint8]:
    """A disc of such a share of the side somewhere around the middle of a grey square."""
    rng = np.random.default_rng([number, round(1000 * radius)])
    y, x = (0.5 + rng.uniform(-0.08, 0.08, 2)) * SIDE
    rows, columns = np.mgrid[:SIDE, :SIDE]
    picture = rng.integers(90, 130, (SIDE, SIDE, 3))
    reach = radius * SIDE * rng.uniform(0.95, 1.05)
    picture[(rows - y) ** 2 + (columns - x) ** 2 < reach**2] = (230, 200, 40)
    return picture.astype(np.uint8)


def make_discs(*radii: float, each: int = 8) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    photos = [draw_disc(radius, number) for radius in radii for number in range(each)]
    return np.stack(photos), np.repeat(np.arange(len(radii)), each)


def make_set(*figures: str, each: int = 8) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    photos = [draw(where, number) for where in figures for number in range(each)]
    return np.stack(photos), np.repeat(np.arange(len(figures)), each)


def find(pixels: NDArray[np.uint8], labels: NDArray[np.intp]) -> dict[Turn, set[tuple[int, int]]]:
    network = plan_network(TINY, 2, "random", 0).fresh()
    changes = find_changes(network, pixels, labels, [MIRRORED, *TURNED], SIDE, CPU)
    return {turn: {(c.figure, c.becomes) for c in found} for turn, found in changes.items()}


def test_find_changes__left_and_right_are_mirror_images_and_become_up_and_down_when_turned() -> (
    None
):
    found = find(*make_set("left", "right", "up", "down"))
    assert found[MIRRORED] == {(0, 1), (1, 0)}
    assert found[HALF] == {(0, 1), (1, 0), (2, 3), (3, 2)}
    # Quarters go against the clock: what was on the left is below then.
    assert found[QUARTER] == {(0, 3), (3, 1), (1, 2), (2, 0)}
    assert found[THREE_QUARTERS] == {(b, a) for a, b in found[QUARTER]}


def test_find_changes__what_always_lies_on_one_side_becomes_nothing_else() -> None:
    pixels, labels = make_set("left", "up")
    blue = np.stack([draw("left", number, (40, 60, 220)) for number in range(8)])
    found = find(np.concatenate([pixels, blue]), np.concatenate([labels, np.full(8, 2)]))
    assert found[MIRRORED] == set()
    # Up is left, a quarter turned; the blue one, which is left, too, is nobody's.
    assert found[QUARTER] == {(1, 0)}
    assert found[THREE_QUARTERS] == {(0, 1)}


def find_farther(pixels: NDArray[np.uint8], labels: NDArray[np.intp]) -> set[tuple[int, int]]:
    network = plan_network(TINY, 2, "random", 0).fresh()
    found = find_changes(network, pixels, labels, [FARTHER], SIDE, CPU)[FARTHER]
    return {(change.figure, change.becomes) for change in found}


def test_find_changes__from_farther_away_the_large_is_the_small_but_never_the_other_way() -> None:
    assert find_farther(*make_discs(0.3, 0.2)) == {(0, 1)}
    assert find_farther(*make_discs(0.2, 0.3)) == {(1, 0)}


def test_find_changes__of_three_sizes_the_next_smaller_is_what_each_becomes() -> None:
    assert find_farther(*make_discs(0.4, 0.27, 0.18)) >= {(0, 1)}


def test_find_changes__what_is_of_one_size_and_another_colour_becomes_nothing_else() -> None:
    pixels, labels = make_discs(0.25, each=8)
    blue = pixels[..., ::-1].copy()
    assert (
        find_farther(np.concatenate([pixels, blue]), np.concatenate([labels, labels + 1])) == set()
    )


@pytest.mark.parametrize("turn", [AS_IT_IS, MIRRORED, *TURNED, FARTHER])
def test_back__of_a_turn_undoes_it(turn: Turn) -> None:
    assert turn.back.back == turn
    assert turn.scale * turn.back.scale == pytest.approx(1)
    assert (turn.quarters + turn.back.quarters) % 4 == 0


def test_find_changes__two_photos_of_each_are_too_few_to_say() -> None:
    assert find(*make_set("left", "right", each=2))[MIRRORED] == set()
    assert find(*make_set("left", "right", each=3))[MIRRORED] == {(0, 1), (1, 0)}


def test_find_changes__says_how_many_photos_speak_for_it() -> None:
    network = plan_network(TINY, 2, "random", 0).fresh()
    changes = find_changes(network, *make_set("left", "right"), [MIRRORED], SIDE, CPU)
    assert changes[MIRRORED] == [Change(0, 1, 16), Change(1, 0, 16)]


def scores(own: float, each: int = 5) -> NDArray[np.float64]:
    """Of photos of two figures, by how much they score higher as their own."""
    labels = np.repeat([0, 1], each)
    return np.where(labels[:, None] == np.arange(2), own / 2, -own / 2)


@pytest.mark.parametrize(("mirrored", "found"), [(-0.5, True), (-0.35, True), (-0.3, False)])
def test_compare__what_looks_alike_from_opposite_sides_is_no_mirror_image(
    mirrored: float, found: bool
) -> None:
    labels = np.repeat([0, 1], 5)
    turned = scores(mirrored)
    changes = _compare(labels, scores(0.5), turned, turned)
    assert changes == ([Change(0, 1, 10), Change(1, 0, 10)] if found else [])


def test_compare__counts_what_speaks_against_it() -> None:
    labels = np.repeat([0, 1], 8)
    plain, turned = scores(0.5, 8), scores(-0.6, 8)
    assert _compare(labels, plain, turned, turned)
    wrong = [0, 1, 8, 9]  # called the other figure as they are, and rightly from the other side
    plain[wrong], turned[wrong] = turned[wrong], plain[wrong]
    assert _compare(labels, plain, turned, turned) == []


def test_choose__takes_as_many_of_each_figure_and_all_of_a_small_one() -> None:
    labels = np.repeat([0, 1, 2], [1000, 3, 400])
    assert np.bincount(labels[choose(labels)]).tolist() == [100, 3, 100]


def test_find_changes__takes_figures_without_photos() -> None:
    pixels, labels = make_set("left", "right")
    assert find(pixels, labels * 2 + 1)[MIRRORED] == {(1, 3), (3, 1)}


def test_choose__is_bounded_for_any_number_of_figures() -> None:
    labels = np.repeat(np.arange(3000), 10)
    assert len(choose(labels)) == 4000


def test_by_chance__is_one_side_of_a_sign_test() -> None:
    assert _by_chance(6, 0) == 1 / 64
    assert _by_chance(0, 0) == 1.0
    assert _by_chance(9, 3) == pytest.approx(0.0730, abs=1e-4)


def plant(root: Path, *figures: str) -> Path:
    for where in figures:
        (root / where).mkdir(parents=True)
        for number in range(6):
            Image.fromarray(draw(where, number)).save(root / where / f"{number}.png")
    return root


class Notes(Silence):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        """Keep it."""
        self.lines.append(line)


def train_on(
    root: Path, *figures: str, max_views: int | None = 200
) -> tuple[dict[str, float], list[str]]:
    views = {"flip": 0.5, "turn": 0.1}
    return keep_views(plant(root / "photos", *figures), views, max_views)


def train_on_discs(root: Path, *radii: float) -> tuple[dict[str, float], list[str]]:
    for radius in radii:
        folder = root / "photos" / f"disc {radius}"
        folder.mkdir(parents=True)
        for number in range(6):
            Image.fromarray(draw_disc(radius, number)).save(folder / f"{number}.png")
    return keep_views(root / "photos", {"min_area": 0.4, "max_area": 2.0}, 200)


def keep_views(
    data: Path, views: dict[str, float], max_views: int | None
) -> tuple[dict[str, float], list[str]]:
    """Return the views that a training on the photos keeps to, and what it says of that."""
    recipe = change_recipe(
        TINY,
        max_views=max_views,
        image_size=96,
        store_size=96,
        folds=0,
        epochs=4,
        augmentation=views,
    )
    notes, model = Notes(), data.parent / "m.figsight"
    train(data, model, recipe=recipe, weights="random", watch=notes)
    with bundle.open_bundle(model) as opened:
        kept = opened.manifest.training.recipe["augmentation"]
    return kept, [line for line in notes.lines if "while the networks learn" in line]


def test_train__does_not_mirror_photos_where_left_and_right_are_figures(tmp_path: Path) -> None:
    kept, notes = train_on(tmp_path, "left", "right")
    assert (kept["flip"], kept["turn"]) == (0.0, 0.0)
    assert notes == [
        "photos are not mirrored while the networks learn: left would look like right",
        "photos are not turned while the networks learn: left would look like right",
    ]


def test_train__mirrors_photos_where_only_turns_make_another_figure(tmp_path: Path) -> None:
    kept, notes = train_on(tmp_path, "up", "down")
    assert (kept["flip"], kept["turn"]) == (0.5, 0.0)
    assert len(notes) == 1


def test_train__does_not_show_figures_near_and_far_where_their_size_tells_them_apart(
    tmp_path: Path,
) -> None:
    kept, notes = train_on_discs(tmp_path, 0.2, 0.3)
    assert (kept["min_area"], kept["max_area"]) == OWN_SIZE
    told = "photos are not shown nearer or farther while the networks learn: "
    assert notes == [told + "disc 0.3 would look like disc 0.2"]


def test_train__takes_a_recipe_as_it_is_that_may_not_be_fitted(tmp_path: Path) -> None:
    kept, notes = train_on(tmp_path, "left", "right", max_views=None)
    assert (kept["flip"], kept["turn"], notes) == (0.5, 0.1, [])


def test_train__believes_shots_that_are_mirror_images_of_another_figures(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for figure in ("arrow", "worra", "other"):
        (root / figure).mkdir(parents=True)
    for number in range(2):  # too few for the network to say
        for figure, picture in (
            ("arrow", scene(number)),
            ("worra", ImageOps.mirror(scene(number))),
            ("other", scene(10 + number)),
        ):
            picture.save(root / figure / f"{number}.png")
    recipe = change_recipe(TINY, max_views=200, folds=0, epochs=4, augmentation={"flip": 0.5})
    notes = Notes()
    train(root, tmp_path / "m.figsight", recipe=recipe, weights="random", watch=notes)
    with bundle.open_bundle(tmp_path / "m.figsight") as opened:
        assert opened.manifest.training.recipe["augmentation"]["flip"] == 0.0
    assert (
        "photos are not mirrored while the networks learn: arrow would look like worra"
        in notes.lines
    )
    assert any(line.startswith("2 shots mirrored under another label") for line in notes.lines)


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        ("right", "1 shot mirrored under another label: left/0.png = right/9.png"),
        (
            "up",
            "1 shot with copies whose labels differ: left/0.png (left) = up/9.png (up)",
        ),
    ],
)
def test_train__a_shot_mirrored_under_another_label_is_a_conflict_but_for_mirror_images(
    tmp_path: Path, figure: str, line: str
) -> None:
    data = plant(tmp_path / "photos", "left", "right", "up")
    shot = Image.fromarray(draw("left", 0))
    ImageOps.mirror(shot).save(data / figure / "9.png")
    recipe = change_recipe(TINY, max_views=200, image_size=96, store_size=96, folds=0, epochs=1)
    notes = Notes()
    train(data, tmp_path / "m.figsight", recipe=recipe, weights="random", watch=notes)
    assert [one for one in notes.lines if "label" in one] == [line]
