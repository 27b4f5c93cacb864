from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from figsight.drawing import GAP, PAGE_TILES, Inset, Tile, Tone, draw_sheets
from figsight.drawing.shapes import CARD, GROUND, INK, QUIET, TONES
from figsight.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

PURPLE = (120, 0, 200)


def make_tile(
    height: int = 40,
    width: int = 40,
    *,
    title: str = "Fox 97\u00a0%",
    lines: tuple[str, ...] = (),
    tone: Tone = "plain",
    foot: str = "",
) -> Tile:
    return Tile(np.full((height, width, 3), PURPLE, np.uint8), title, lines, tone, foot=foot)


def find_colour(picture: Image.Image, colour: Sequence[int]) -> NDArray[np.bool_]:
    return cast("NDArray[np.bool_]", (np.asarray(picture) == colour).all(axis=2))


def luminance(colour: str) -> float:
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("ink", [INK, *TONES.values()])
@pytest.mark.parametrize("ground", [CARD, GROUND])
def test_colours__of_text_have_the_contrast_of_wcag_aa(ink: str, ground: str) -> None:
    dark, light = sorted((luminance(ink), luminance(ground)))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize(("height", "width"), [(40, 40), (30, 90), (90, 30), (1, 400), (28, 28)])
def test_draw_sheets__keeps_the_photos_aspect_inside_a_square(height: int, width: int) -> None:
    seen = find_colour(draw_sheets([make_tile(height, width)], tile_size=200)[0], PURPLE)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    longest = max(height, width)
    assert np.ptp(rows) + 1 == max(1, round(200 * height / longest))
    assert np.ptp(columns) + 1 == max(1, round(200 * width / longest))


def test_draw_sheets__writes_the_title_above_the_photo() -> None:
    with_title = np.asarray(draw_sheets([make_tile()], tile_size=200)[0]).astype(int)
    without = np.asarray(draw_sheets([make_tile(title="")], tile_size=200)[0]).astype(int)
    changed = np.flatnonzero(np.abs(with_title - without).sum(axis=2).any(axis=1))
    photo = np.flatnonzero(
        find_colour(draw_sheets([make_tile()], tile_size=200)[0], PURPLE).any(axis=1)
    )
    assert changed.size > 0
    assert changed.max() < photo.min()


def test_draw_sheets__is_deterministic() -> None:
    tiles = [make_tile(tone=tone, lines=("true: Robot",)) for tone in TONES]
    first, second = (draw_sheets(tiles, heading="Twice")[0].tobytes() for _ in range(2))
    assert first == second


def test_draw_sheets__tones_differ_without_their_colours() -> None:
    pages = [
        np.asarray(draw_sheets([make_tile(title="", tone=tone)], tile_size=300)[0].convert("L"))
        for tone in TONES
    ]
    marks = [page[:90] > 200 for page in pages]  # above the photo, as black and white
    for first, second in pairwise(marks):
        assert (first != second).sum() > 30


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (12, 4), (100, 12), (300, 20)]
)
def test_draw_sheets__chooses_the_columns_by_the_count(count: int, columns: int) -> None:
    page = draw_sheets([make_tile(title="")] * count)[0]
    seen = find_colour(page, PURPLE)
    row = seen[np.flatnonzero(seen.any(axis=1))[20]]
    starts = np.count_nonzero(row[1:] & ~row[:-1])
    assert starts == columns
    assert page.width <= 4000
    assert page.height <= 16000


def test_draw_sheets__a_row_is_as_high_as_its_longest_title() -> None:
    short, long = make_tile(title="Fox"), make_tile(title="a much longer name than would fit here")
    even = draw_sheets([short, short], columns=2, tile_size=120)[0]
    uneven = draw_sheets([short, long], columns=2, tile_size=120)[0]
    assert uneven.height > even.height


def count_columns(page: Image.Image) -> int:
    seen = find_colour(page, PURPLE)
    row = seen[np.flatnonzero(seen.any(axis=1))[20]]
    return int(np.count_nonzero(row[1:] & ~row[:-1]))


@pytest.mark.parametrize(("count", "together", "columns"), [(36, 4, 8), (9, 2, 4), (4, 4, 4)])
def test_draw_sheets__keeps_neighbours_in_one_row(count: int, together: int, columns: int) -> None:
    (page,) = draw_sheets([make_tile(title="")] * count, together=together)
    assert count_columns(page) == columns
    assert page.width <= 4000


def test_draw_sheets__parts_neighbours_where_a_page_is_too_narrow() -> None:
    tiles = [make_tile(title="")] * 100
    (together,), (plain,) = draw_sheets(tiles, together=50), draw_sheets(tiles)
    assert count_columns(together) == count_columns(plain)


def test_draw_sheets__draws_nothing_where_there_is_a_gap() -> None:
    (page,) = draw_sheets([make_tile(), GAP, make_tile(), make_tile()], columns=2, tile_size=100)
    half = np.asarray(page)[: page.height // 2 - 20, page.width // 2 :]
    assert (half == [int(GROUND[at : at + 2], 16) for at in (1, 3, 5)]).all()
    assert count_columns(page) == 1


def test_draw_sheets__writes_the_foot_quietly_below_the_other_lines() -> None:
    tile = make_tile(foot="a-file.jpg", lines=("true: Fox",), tone="bad")
    page = draw_sheets([tile], tile_size=200)[0]
    bad = find_box(page, [int(TONES["bad"][at : at + 2], 16) for at in (1, 3, 5)])
    foot = find_box(page, [int(QUIET[at : at + 2], 16) for at in (1, 3, 5)])
    photo = find_box(page, PURPLE)
    assert bad[0] < foot[0] < foot[1] < photo[0]


def test_draw_sheets__leaves_the_edges_of_a_wide_card_free() -> None:
    name = "SPIDER-MAN of the second series (Spider Mech vs. Venom) " * 3
    page = draw_sheets([make_wide(3, name=name)], note="Bright places spoke for the name. " * 9)[0]
    inked = (np.asarray(page.convert("L")) < 140).any(axis=0)
    right = np.flatnonzero(inked).max()
    card = find_colour(page, [255, 255, 255])
    # The words end where the photos begin, seen from the other side of the card.
    edges = np.flatnonzero(card.any(axis=0))
    assert edges.max() - right >= find_box(page, PURPLE)[2] - edges.min() - 2


def test_draw_sheets__makes_pages_with_every_photo_once() -> None:
    count = PAGE_TILES + 5
    pages = draw_sheets([make_tile(16, 16, title="")] * count, tile_size=16)
    assert len(pages) == 2
    seen = sum(int(find_colour(page, PURPLE).sum()) for page in pages)
    one = int(
        find_colour(draw_sheets([make_tile(16, 16, title="")], tile_size=16)[0], PURPLE).sum()
    )
    assert seen == count * one
    assert pages[0].width == pages[1].width


@pytest.mark.parametrize(
    ("count", "columns", "tile_size", "message"),
    [
        (0, None, None, "expected at least one photo to draw, found none; check what was selected"),
        (1, 0, None, "expected at least 1 column, found 0; ask for 1 or more"),
        (1, None, 9, "expected tiles of at least 16 pixels, found 9; ask for more"),
        (
            9,
            9,
            900,
            (
                "expected a page of at most 4000 pixels, found 8748 for 9 columns of 900 pixels; "
                "ask for fewer columns or a smaller tile size"
            ),
        ),
    ],
)
def test_draw_sheets__refuses_what_cannot_be_laid_out(
    count: int, columns: int | None, tile_size: int | None, message: str
) -> None:
    with pytest.raises(OutputError) as caught:
        draw_sheets([make_tile()] * count, columns=columns, tile_size=tile_size)[0]
    assert str(caught.value) == message


def test_tile__refuses_pixels_of_another_kind() -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \[H, W, 3\], found float64 \(4, 4, 3\)"):
        Tile(cast("NDArray[np.uint8]", np.zeros((4, 4, 3))), "Fox")
    with pytest.raises(ValueError, match=r"expected uint8 \[H, W, 3\], found uint8 \(4, 4\)"):
        Tile(np.zeros((4, 4), np.uint8), "Fox")
    with pytest.raises(ValueError, match="expected one of plain, good, bad, unsure, found 'sad'"):
        Tile(np.zeros((4, 4, 3), np.uint8), "Fox", tone=cast("Tone", "sad"))


GREEN, AMBER = (0, 150, 40), (230, 160, 0)


def make_wide(insets: int = 3, *, second: bool = True, **words: Any) -> Tile:
    pixels = np.full((40, 40, 3), PURPLE, np.uint8)
    return Tile(
        pixels,
        words.get("title", "Fox 97\u00a0%"),
        second=np.full((40, 40, 3), GREEN, np.uint8) if second else None,
        insets=tuple(
            Inset(np.full((9, 9, 3), AMBER, np.uint8), words.get("name", "fox"), "distance 0.12")
            for _ in range(insets)
        ),
    )


def find_box(picture: Image.Image, colour: Sequence[int]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(find_colour(picture, colour))
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def test_draw_sheets__draws_the_second_picture_beside_the_photo_at_its_size() -> None:
    page = draw_sheets([make_wide()], tile_size=200)[0]
    photo, second = find_box(page, PURPLE), find_box(page, GREEN)
    assert photo[:2] == second[:2]
    assert photo[3] - photo[2] == second[3] - second[2] == 200
    assert 0 < second[2] - photo[3] < 30


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_draw_sheets__stacks_insets_beside_the_pictures(count: int) -> None:
    page = draw_sheets([make_wide(count)], tile_size=240)[0]
    second, insets = find_box(page, GREEN), find_box(page, AMBER)
    assert insets[0] == second[0]
    assert insets[1] <= second[1]
    assert insets[2] > second[3]
    column = find_colour(page, AMBER)[:, (insets[2] + insets[3]) // 2]
    assert np.count_nonzero(column[1:] & ~column[:-1]) == count


def test_draw_sheets__writes_beside_an_inset_within_the_card() -> None:
    words = "a long name that cannot stand on one row of this narrow column"
    named = np.asarray(draw_sheets([make_wide(1, name=words)], tile_size=240)[0]).astype(int)
    blank = np.asarray(draw_sheets([make_wide(1, name="")], tile_size=240)[0]).astype(int)
    rows, columns = np.nonzero(np.abs(named - blank).sum(axis=2))
    insets = find_box(draw_sheets([make_wide(1)], tile_size=240)[0], AMBER)
    assert columns.min() > insets[3]
    assert columns.max() < named.shape[1] - 30
    assert rows.min() >= insets[0]
    assert rows.max() < insets[1] + 10


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 1), (4, 1), (12, 2), (60, 5)])
def test_draw_sheets__makes_pages_of_wide_cards_as_wide_as_a_screen(
    count: int, columns: int
) -> None:
    page = draw_sheets([make_wide()] * count)[0]
    seen = find_colour(page, PURPLE)
    row = seen[np.flatnonzero(seen.any(axis=1))[20]]
    assert np.count_nonzero(row[1:] & ~row[:-1]) == columns
    assert page.width <= 4000


def test_draw_sheets__writes_the_note_on_every_page() -> None:
    tiles = [make_tile(16, 16, title="")] * (PAGE_TILES + 5)
    plain = draw_sheets(tiles, tile_size=16)
    noted = draw_sheets(tiles, tile_size=16, note="Bright places spoke for the name.")
    assert len(plain) == len(noted) == 2
    for one, other in zip(plain, noted, strict=True):
        assert other.height > one.height
        assert find_colour(other, [int(QUIET[at : at + 2], 16) for at in (1, 3, 5)]).any()


def test_tile__refuses_further_pictures_of_another_kind() -> None:
    good, bad = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)
    with pytest.raises(ValueError, match=r"expected uint8 \[H, W, 3\], found uint8 \(4, 4\)"):
        Tile(good, "Fox", second=bad)
    with pytest.raises(ValueError, match=r"expected uint8 \[H, W, 3\], found uint8 \(4, 4\)"):
        Inset(bad, "Fox")
