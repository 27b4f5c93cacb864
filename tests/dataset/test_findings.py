from __future__ import annotations

from tests.dataset.make import find, names, photo

from figsight.dataset.findings import know_mirror_images
from figsight.dataset.indexing import named_figure


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
    assert [(one.id, names(one.photos)) for one in found.scarce] == [("a", "p"), ("b", "rs")]
    assert [figure.id for figure in found.untaught] == ["c"]


def test_find_findings__counts_all_photos_where_none_is_for_training() -> None:
    photos = [photo(x, y, split="test") for x, y in zip("pqrs", "aabc", strict=True)]
    found = find(photos, [0, 1, 2, 3])
    assert [size.id for size in found.scarce] == ["b", "c"]
    assert found.untaught == ()


def test_find_findings__untaught_are_also_those_that_the_set_has_lost() -> None:
    found = find([photo("p"), photo("q", "b")], [0, 1], untaught=(named_figure("z"),))
    assert [figure.id for figure in found.untaught] == ["c", "z"]
