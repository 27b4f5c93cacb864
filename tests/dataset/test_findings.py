from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from figsight.dataset.copies import Copies, NearPair
from figsight.dataset.findings import (
    Findings,
    find_findings,
    know_mirror_images,
    summarise,
    summarise_odd,
)
from figsight.dataset.indexing import named_figure
from figsight.dataset.model import Dataset, Photo
from figsight.dataset.quality import Oddities
from figsight.errors import PhotoError

if TYPE_CHECKING:
    from figsight.dataset.model import Split


def photo(
    name: str, figure: str | None = "a", split: Split | None = None, group: str | None = None
) -> Photo:
    return Photo(f"{name}.png", Path(f"{name}.png"), None, figure, split, group)


def find(
    photos: list[Photo],
    groups: list[int],
    sha256: str | None = None,
    failures: tuple[PhotoError, ...] = (),
    *,
    sides: list[int] | None = None,
    alike: tuple[frozenset[str], ...] = (),
    **more: Any,
) -> Findings:
    """Photos of one group are copies; those with the same letter in ``sha256`` the same file.

    Those of one group and two ``sides`` are mirror images.
    """
    hashes = list(sha256 or "abcdefghij"[: len(photos)])
    firsts: dict[int, int] = {}
    near = []
    for number, group in enumerate(groups):
        other = firsts.setdefault(group, number)
        if hashes[other] != hashes[number]:
            near.append(NearPair(other, number, 0.98, mirrored=False))
    same = [[i for i, h in enumerate(hashes) if h == x] for x in sorted(set(hashes))]
    copies = Copies(
        [numbers for numbers in same if len(numbers) > 1], near, groups, sides or groups
    )
    figures = tuple(named_figure(figure) for figure in ("a", "b", "c"))
    labelled = tuple(p for p in photos if p.figure_id is not None)
    unlisted = tuple(p for p in photos if p.figure_id is None)
    return find_findings(
        Dataset("set", figures, labelled, unlisted, **more),
        photos,
        hashes,
        copies,
        failures,
        alike,
    )


def names(photos: tuple[Photo, ...]) -> str:
    return "".join(photo.path.removesuffix(".png") for photo in photos)


def test_find_findings__tells_files_with_the_same_bytes_from_near_duplicates() -> None:
    found = find([photo(x) for x in "pqrs"], [0, 0, 0, 1], "xxyz")
    assert [(names(one.photos), one.kind) for one in found.duplicates] == [("pq", "identical")]
    (pair,) = found.near_duplicates
    assert (pair.first.path, pair.second.path, pair.score) == ("p.png", "r.png", 0.98)
    assert found.leaks == found.label_conflicts == ()


def test_find_findings__leaks_are_copies_across_splits() -> None:
    photos = [
        photo("p", split="train"),
        photo("q", split="test"),
        photo("r", split="train"),
        photo("s", split="train"),
        photo("t", None),
        photo("u", split="val"),
        photo("v", split="train"),
        photo("w"),
    ]
    found = find(photos, [0, 0, 1, 1, 1, 2, 2, 0], "xxyyabcd")
    assert [(names(one.photos), one.kind) for one in found.leaks] == [
        ("pqw", "near"),
        ("uv", "near"),
    ]


def test_find_findings__leaks_are_also_source_groups_across_splits() -> None:
    photos = [
        photo("p", split="train", group="ann"),
        photo("q", split="test", group="ann"),
        photo("r", split="test", group="bob"),
        photo("s", split="test", group="bob"),
        photo("t", group="bob"),
    ]
    found = find(photos, [0, 1, 2, 3, 4])
    assert [(names(one.photos), one.kind) for one in found.leaks] == [
        ("pq", "group"),
        ("rst", "group"),
    ]


def test_find_findings__photos_of_no_split_are_learned_from_and_can_leak() -> None:
    photos = [photo("0"), photo("1", None, "test"), photo("2"), photo("3"), photo("4", None)]
    found = find(photos, [0, 0, 1, 2, 2], "aabcc")
    assert [names(one.photos) for one in found.leaks] == ["01"]
    grouped = [photo("0", group="p"), photo("1", "b", "test", "p"), photo("2", group="q")]
    assert [names(one.photos) for one in find(grouped, [0, 1, 2]).leaks] == ["01"]


def test_find_findings__conflicts_are_copies_with_two_labels() -> None:
    photos = [photo("p"), photo("q", "b"), photo("r"), photo("s"), photo("t", None), photo("u")]
    found = find(photos, [0, 0, 0, 1, 1, 1], "xxyzzz")
    assert [(names(one.photos), one.kind) for one in found.label_conflicts] == [("pqr", "near")]


def test_find_findings__several_shots_under_two_labels_that_differ_by_side_are_mirror_images() -> (
    None
):
    photos = [photo("p"), photo("q", "b"), photo("r"), photo("s", "b"), photo("t"), photo("u", "c")]
    found = find(photos, [0, 0, 1, 1, 2, 2], sides=[0, 1, 2, 3, 4, 5])
    assert [names(one.photos) for one in found.mirror_images] == ["pq", "rs"]
    # One shot of two figures may be a wrong label, as long as nothing else is known of them.
    assert [names(one.photos) for one in found.label_conflicts] == ["tu"]
    known = find(photos, [0, 0, 1, 1, 2, 2], sides=[0, 1, 2, 3, 4, 5], alike=(frozenset("ac"),))
    assert [names(one.photos) for one in known.mirror_images] == ["pq", "rs", "tu"]
    assert known.label_conflicts == ()
    assert know_mirror_images(found, {frozenset("ac")}) == known
    assert know_mirror_images(found, {frozenset("ab"), frozenset("bc")}) == found


def test_find_findings__copies_from_one_side_under_two_labels_are_conflicts_whatever_is_mirrored() -> (
    None
):
    photos = [photo("p"), photo("q", "b"), photo("r"), photo("s", "b"), photo("t", "b"), photo("u")]
    found = find(photos, [0, 0, 1, 1, 1, 0], sides=[0, 1, 2, 3, 2, 0])
    assert [names(one.photos) for one in found.label_conflicts] == ["pqu", "rst"]
    assert found.mirror_images == ()
    known = know_mirror_images(found, {frozenset("ab")})
    assert [names(one.photos) for one in known.label_conflicts] == ["rst"]


def test_find_findings__shots_of_three_labels_are_conflicts() -> None:
    photos = [photo(x, y) for x, y in zip("pqrstu", "abcabc", strict=True)]
    found = find(photos, [0, 0, 0, 1, 1, 1], sides=[0, 1, 0, 2, 3, 2])
    assert [names(one.photos) for one in found.label_conflicts] == ["pqr", "stu"]


def test_find_findings__counts_classes_with_and_without_copies() -> None:
    photos = [photo("p"), photo("q"), photo("r"), photo("s", "b"), photo("t", None)]
    found = find(photos, [0, 0, 1, 2, 2])
    assert [(size.id, size.photos, size.shots) for size in found.classes] == [
        ("c", 0, 0),
        ("b", 1, 1),
        ("a", 3, 2),
    ]
    assert found.imbalance is None
    assert [one.path for one in found.unlisted] == ["t.png"]


def test_find_findings__imbalance_is_the_largest_over_the_smallest() -> None:
    photos = [photo("p"), photo("q"), photo("r"), photo("s", "b"), photo("t", "c")]
    assert find(photos, [0, 1, 2, 3, 4]).imbalance == 3


def test_find_findings__scarce_classes_have_one_shot_to_learn_from() -> None:
    photos = [
        photo("p", split="train"),
        photo("q", split="test"),
        photo("r", "b", split="train"),
        photo("s", "b", split="train"),
        photo("t", "c", split="test"),
        photo("u", "c", split="test"),
    ]
    found = find(photos, [0, 1, 2, 2, 3, 4])
    assert [(size.id, size.photos, size.shots) for size in found.scarce] == [
        ("a", 1, 1),
        ("b", 2, 1),
    ]
    assert [figure.id for figure in found.untaught] == ["c"]


def test_find_findings__counts_all_photos_where_none_is_for_training() -> None:
    photos = [photo(x, y, split="test") for x, y in zip("pqrs", "aabc", strict=True)]
    found = find(photos, [0, 1, 2, 3])
    assert [size.id for size in found.scarce] == ["b", "c"]
    assert found.untaught == ()


def test_find_findings__untaught_are_also_those_that_the_set_has_lost() -> None:
    found = find([photo("p"), photo("q", "b")], [0, 1], untaught=(named_figure("z"),))
    assert [figure.id for figure in found.untaught] == ["c", "z"]


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
            "2 classes of a single shot, too few to learn from and be measured on: c (1 photo); "
            "b (2 photos)"
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
        "1 class of a single shot, too few to learn from and be measured on: c (1 photo)",
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
