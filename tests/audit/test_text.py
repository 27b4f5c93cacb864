from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.audit.make import flawed, plant, png
from tests.make import scene

from figsight.audit import describe, examine, write_page
from figsight.audit.results import SuspectLabel
from figsight.dataset import read

if TYPE_CHECKING:
    from pathlib import Path


def test_describe__has_the_gravest_first_and_names_every_file(tmp_path: Path) -> None:
    lines = describe(examine(plant(tmp_path / "set", flawed()), labels=False)).splitlines()
    assert lines[0] == (
        "set: 23 pictures, 22 labels, 2 figures; 3 problems to fix first (marked !)"
    )
    assert lines[1] == "photos a figure: 7 (blue) to 14 (red), 2 to 1"
    titles = [line for line in lines[2:] if line and not line.startswith(" ")]
    assert titles == [
        "! 1 picture cannot be decoded",
        "! 1 shot with copies under different labels",
        "! 1 leak across the given splits",
        "3 exact copies (2 of them among the copies above)",
        "1 pair of near-duplicates",
        "1 blank photo",
        "1 very dark photo",
        "1 blurred photo",
        "1 photo of an odd size or shape",
        "1 photo that nothing labels",
    ]
    text = "\n".join(lines)
    assert "test/blue/conflict.png (blue) = test/red/0.png (red)" in text
    assert "test/red/leak.png (test) = train/red/1.png (train)" in text
    assert "train/red/wide.png: 96 x 40" in text
    assert text.count("leak.png") == text.count("conflict.png") == 1
    assert "next:" not in text


def test_describe__writes_out_ten_of_a_kind(tmp_path: Path) -> None:
    picture = png(scene(0))
    files = {f"a/{k:02}.png": picture for k in range(2)} | {"b/0.png": png(scene(1))}
    files |= {f"{k:02}.png": b"nothing" for k in range(13)}
    text = describe(examine(plant(tmp_path / "set", files), labels=False))
    assert text.count("found text that begins 'nothing'") == 10
    assert "    and 3 more" in text
    assert "09.png" in text
    assert "10.png" not in text.partition("nothing labels")[0]


def test_describe__has_nothing_to_say_of_a_sound_set(tmp_path: Path) -> None:
    files = {
        f"{name}/{k}.png": png(scene(k + 9 * (name == "b"))) for k in range(3) for name in "ab"
    }
    text = describe(examine(plant(tmp_path / "set", files), labels=False))
    assert text.splitlines() == [
        "set: 6 pictures, 6 labels, 2 figures; nothing to complain about",
        "3 photos a figure",
        "",
        "next: figsight train DATA -o model",
    ]


GROUPED = "path,label,patient\n" + "".join(f"{x}/{k}.png,{x},{x}\n" for x in "ab" for k in (0, 1))


@pytest.mark.parametrize(
    ("folders", "table", "why"),
    [
        (
            ["a"],
            None,
            "set: expected photos of at least two figures, found only 'a'; add another class",
        ),
        (
            ["test/a", "test/b"],
            None,
            (
                "set: expected photos of the split train to learn from, found only test; give the folder "
                "of one split instead"
            ),
        ),
        (
            ["a", "b"],
            GROUPED,
            (
                "set: expected photos that can be held out, found only copies of one shot, or one group, "
                "of each figure; add other photos, or measure nothing (--folds 0)"
            ),
        ),
    ],
)
def test_describe__does_not_send_a_set_to_a_training_that_refuses_it(
    tmp_path: Path, folders: list[str], table: str | None, why: str
) -> None:
    files = {f"{x}/{k}.png": png(scene(9 * i + k)) for i, x in enumerate(folders) for k in (0, 1)}
    files |= {} if table is None else {"photos.csv": table.encode()}
    audit = examine(plant(tmp_path / "set", files), labels=False)
    text = describe(audit)
    assert text.splitlines()[0].endswith("; 1 problem to fix first (marked !)")
    assert "\n! this set cannot be trained on and measured as it is\n" in text
    assert f"\n    {why}" in text
    assert "next:" not in text
    assert audit.to_dict()["obstacle"] == why


def test_describe__names_what_will_not_be_learned(tmp_path: Path) -> None:
    files = {f"train/a/{k}.png": png(scene(k)) for k in range(3)}
    files |= {f"train/copied/{k}.png": png(scene(9)) for k in range(3)}
    files |= {"train/single/1.png": png(scene(8)), "test/other/1.png": png(scene(7))}
    files |= {"train/knight/1.CR2": b"raw", "train/knight/2.jp2": b"wavelets"}
    files |= {"train/spoilt/1.png": b"nothing", "train/spoilt/2.png": b"nothing"}
    audit = examine(plant(tmp_path / "set", files), labels=False)
    lines = describe(audit).splitlines()
    assert lines[0].endswith("; 3 problems to fix first (marked !)")
    text = "\n".join(lines)
    assert "\n2 files are no pictures that figsight opens\n" in text
    assert "\n    train/knight/1.CR2\n    train/knight/2.jp2\n" in text
    assert "\n! 3 figures without a photo to learn from\n" in text
    assert (
        "\n    other: all photos in other splits\n    spoilt: no readable photo\n"
        "    knight: no readable photo\n"
    ) in text
    assert "\n! 2 figures of a single shot\n" in text
    copies = [f"train/copied/{k}.png" for k in range(3)]
    assert (
        "\n    single: 1 photo: train/single/1.png\n"
        f"    copied: 3 copies of one photo: {' = '.join(copies)}\n"
    ) in text
    found = audit.to_dict()
    assert found["unsupported"] == ["train/knight/1.CR2", "train/knight/2.jp2"]
    assert [one["id"] for one in found["untaught"]] == ["other", "spoilt", "knight"]
    assert found["scarce"] == [
        {
            "id": "single",
            "name": "single",
            "photos": 1,
            "shots": 1,
            "paths": ["train/single/1.png"],
        },
        {"id": "copied", "name": "copied", "photos": 3, "shots": 1, "paths": copies},
    ]
    write_page(audit, tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text("utf-8")
    assert "<li>train/knight/1.CR2</li>" in page
    assert '<section id="scarce">' in page


def test_describe__names_figures_that_are_written_in_two_ways_or_called_unknown(
    tmp_path: Path,
) -> None:
    names = ("Bat Man", "batman", "unknown")
    files = {
        f"{name}/{k}.png": png(scene(9 * i + k)) for i, name in enumerate(names) for k in (0, 1)
    }
    audit = examine(plant(tmp_path / "set", files), labels=False)
    text = describe(audit)
    assert "\n2 figures whose names differ only in case or spaces\n" in text
    assert "\n    'Bat Man', 'batman'\n" in text
    assert "\n1 figure is called 'unknown'\n" in text
    found = audit.to_dict()
    alike = ["Bat Man", "batman"]
    assert found["names_alike"] == [{"ids": alike, "names": alike}]
    assert found["called_unknown"] == [{"id": "unknown", "name": "unknown"}]
    write_page(audit, tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text("utf-8")
    assert '<section id="names_alike">' in page
    assert '<section id="called_unknown">' in page


def test_describe__says_which_table_kept_pictures_out(tmp_path: Path) -> None:
    files = {
        f"{name}/{k}.png": png(scene(k + 9 * (name == "b"))) for k in range(3) for name in "ab"
    }
    listed = "".join(f"{name}/{k}.png,{name}\n" for k in range(2) for name in "ab")
    files["notes.csv"] = f"path,label\n{listed}".encode()
    audit = examine(plant(tmp_path / "set", files), labels=False)
    text = describe(audit)
    assert (
        "\n2 photos not in notes.csv\n  Only what notes.csv lists is read: training does not see them."
        in text
    )
    assert audit.to_dict()["tables"] == ["notes.csv"]


def test_describe__does_not_list_again_what_an_earlier_kind_has_shown(tmp_path: Path) -> None:
    files = {
        f"{name}/{k}.png": png(scene(k + 9 * (name == "b"))) for k in range(3) for name in "ab"
    }
    listed = "".join(f"{path},{path[0]}\n" for path in files)
    files |= {"a/twin.png": files["a/0.png"], "b/twin.png": files["b/0.png"]}
    files["notes.csv"] = f"path,label\n{listed}".encode()
    dataset = read(plant(tmp_path / "set", files))
    bare = examine(dataset, labels=False)
    text = describe(bare, data="set")
    assert "\n2 exact copies\n" in text
    assert "\n2 photos not in notes.csv (all of them among the copies above)\n  Only what" in text
    assert text.count("a/twin.png") == 1
    assert text.endswith("training does not see them.\n\nnext: figsight train set -o model")
    assert bare.to_dict()["unlisted"] == ["a/twin.png", "b/twin.png"]
    write_page(bare, tmp_path / "out.html")
    assert "(all of them among the copies above)" in (tmp_path / "out.html").read_text("utf-8")
    (tmp_path / "set" / "alone.png").write_bytes(png(scene(60)))
    text = describe(examine(tmp_path / "set", labels=False))
    assert "\n3 photos not in notes.csv (2 of them among the copies above)\n" in text
    assert text.count("alone.png") == 1


def test_describe__shows_suspects_once_where_copies_contradict_each_other(tmp_path: Path) -> None:
    files = {
        f"{name}/{k}.png": png(scene(k + 9 * (name == "b"))) for k in range(3) for name in "ab"
    }
    files["b/same.png"] = files["a/0.png"]
    dataset = read(plant(tmp_path / "set", files))
    a, b = dataset.figures
    photos = {photo.path: photo for photo in dataset.photos}
    suspects = (
        SuspectLabel(photos["b/same.png"], b, a, 0.9996, suspect=True),
        SuspectLabel(photos["a/1.png"], a, b, 0.5, suspect=True),
    )
    text = describe(replace(examine(dataset, labels=False), suspect_labels=suspects))
    assert "\n2 labels to check (1 of them among the conflicting copies above)\n" in text
    assert "\n    a/1.png: labelled a, looks like b (50 % suspect)\n" in text
    assert text.count("b/same.png") == 1
    text = describe(replace(examine(dataset, labels=False), suspect_labels=suspects[:1]))
    assert "\n1 label to check (among the conflicting copies above)\n" in text


def test_describe__never_is_certain_of_another_name(tmp_path: Path) -> None:
    dataset = read(plant(tmp_path / "set", {f"{n}/1.png": png(scene(ord(n))) for n in "ab"}))
    given, likely = dataset.figures
    suspect = SuspectLabel(dataset.photos[0], given, likely, 0.9996, suspect=True)
    bare = examine(dataset, labels=False)
    assert "looks like b (99 % suspect)" in describe(replace(bare, suspect_labels=(suspect,)))


def test_describe__does_not_make_much_of_a_figure_that_is_only_to_be_told_apart(
    tmp_path: Path,
) -> None:
    files = {
        f"train/{name}/{k}.png": png(scene(k + 9 * (name == "b")))
        for k in range(3)
        for name in "ab"
    }
    files["test/unknown/1.png"] = png(scene(50))
    text = describe(examine(plant(tmp_path / "set", files), labels=False))
    assert text.splitlines()[0].endswith("; nothing that must be fixed")
    assert "\n1 figure without a photo to learn from\n" in text


def test_describe__lets_no_file_name_control_the_terminal(tmp_path: Path) -> None:
    files = {"a/\x1b[31m.png": b"nothing", "a/1.png": png(scene(0)), "b/1.png": png(scene(1))}
    audit = examine(plant(tmp_path / "set", files))
    text = describe(audit)
    assert "\x1b" not in text
    assert r"a/\x1b[31m.png" in text
    assert "note: suspect labels were not looked for: they need two figures at least" in text


def test_describe__lists_labels_of_a_high_score_though_they_are_not_marked(tmp_path: Path) -> None:
    files = {f"{n}/{k}.png": png(scene(k + 9 * (n == "b"))) for k in range(3) for n in "ab"}
    dataset = read(plant(tmp_path / "set", files))
    a, b = dataset.figures
    suspects = tuple(
        SuspectLabel(photo, a, b, score, suspect=score < 0.6)
        for photo, score in zip(dataset.photos[:3], (0.7, 0.64, 0.55), strict=True)
    )
    audit = replace(examine(dataset, labels=False), suspect_labels=suspects)
    text = describe(audit)
    assert "\n2 labels to check\n" in text
    assert "looks like b (70 % suspect)" in text
    assert "looks like b (55 % suspect)" in text
    assert "64 % suspect" not in text
    many = replace(audit, suspect_labels=(suspects[0],) * 31)  # a list to work down is longer
    assert describe(many).count("(70 % suspect)") == 30
    assert "    and 1 more" in describe(many)
    # Which of them confident learning would change is for programs as it was.
    assert [one["suspect"] for one in audit.to_dict()["suspect_labels"]] == [False, False, True]
