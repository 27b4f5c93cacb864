from __future__ import annotations

from tests.dataset.make import find, photo

from figsight.dataset.indexing import named_figure
from figsight.dataset.quality import Oddities
from figsight.dataset.summarising import summarise, summarise_odd
from figsight.errors import PhotoError


def test_summarise__says_nothing_when_all_is_well() -> None:
    photos = [photo(x, y) for x, y in zip("pqrstu", "abcabc", strict=True)]
    assert summarise(find(photos, [0, 1, 2, 3, 4, 5])) == []


def test_summarise__names_what_will_not_be_learned() -> None:
    photos = [photo("p"), photo("q", "b"), photo("r"), photo("s", "b"), photo("t", "c")]
    raws = tuple(photo(f"knight/{k}", "knight") for k in range(4))
    found = find(photos, [0, 1, 2, 1, 3], unsupported=raws, untaught=(named_figure("knight"),))
    assert summarise(found)[:3] == [
        (
            "4 files are no pictures that figsight opens: knight/0.png; knight/1.png; knight/2.png; "
            "and 1 more"
        ),
        "1 class without a photo to learn from: knight",
        (
            "2 classes of a single shot, too few to learn from and be measured on: c (t.png); "
            "b (2 copies of q.png)"
        ),
    ]
    one = find(photos, [0, 1, 2, 1, 3], unsupported=raws[:1])
    assert summarise(one)[0] == "1 file is no picture that figsight opens: knight/0.png"


def test_summarise__says_which_table_kept_pictures_out() -> None:
    photos = [photo(x, y) for x, y in zip("pqrstu", "abcabc", strict=True)]
    photos += [photo(x, None) for x in "vwxy"]
    groups = list(range(len(photos)))
    assert summarise(find(photos, groups)) == [
        "4 pictures that nothing labels: v.png; w.png; x.png; and 1 more"
    ]
    assert summarise(find(photos, groups, tables=("notes.csv",))) == [
        (
            "4 pictures are not in notes.csv, and only what it lists is read: v.png; w.png; x.png; "
            "and 1 more"
        )
    ]
    assert summarise(find(photos[:7], groups[:7], tables=("train.csv", "test.csv"))) == [
        "1 picture is not in train.csv, test.csv, and only what they list is read: v.png"
    ]


def test_summarise__has_a_line_a_kind_and_names_files() -> None:
    photos = [
        photo("p", split="train"),
        photo("q", "b", split="test"),
        photo("r"),
        photo("s\x1b"),
        photo("t", "c"),
        photo("u"),
    ]
    failures = tuple(PhotoError(f"bad{k}.png", "is damaged") for k in range(5))
    assert summarise(find(photos, [0, 0, 1, 1, 2, 3], "xxyzab", failures), most=2) == [
        "5 pictures cannot be decoded: bad0.png; bad1.png; and 3 more",
        "1 class without a photo to learn from: b",
        "1 class of a single shot, too few to learn from and be measured on: c (t.png)",
        "1 shot with copies whose labels differ: p.png (a) = q.png (b)",
        "1 group of copies across the given splits: p.png (train) = q.png (test)",
        "1 file with the bytes of another: p.png = q.png",
        r"1 pair of near-duplicates: r.png ~ s\x1b.png",
        "classes are unequal: b has 1 photo, a 4",
    ]


def test_summarise_odd__has_a_line_a_kind_of_bad_shot() -> None:
    photos = [photo(str(number)) for number in range(6)]
    odd = Oddities(blank=[5], dark=[], blurred=[0, 3, 1, 2], sizes=[4])
    assert summarise_odd(photos, odd) == [
        "1 blank picture: 5.png",
        "4 blurred pictures: 0.png; 3.png; 1.png; and 1 more",
    ]
    assert summarise_odd(photos, Oddities([], [], [], [])) == []


def test_summarise__names_figures_that_are_written_in_two_ways_or_called_unknown() -> None:
    photos = [photo(x, y) for x, y in zip("pqrstu", "abcabc", strict=True)]
    more = tuple(map(named_figure, ("Cat", "cat", "CAT ", "x y", "XY", "Unknown")))
    assert summarise(find(photos, list(range(6)), untaught=more))[1:] == [
        (
            "5 classes whose names differ only in case or spaces: 'Cat' = 'cat' = 'CAT '; 'x y' = 'XY'"
        ),
        (
            "a figure is called 'unknown', which is what figsight says of photos of none: give photos of "
            "strangers to evaluate --unknown, else rename it: 'Unknown'"
        ),
    ]
