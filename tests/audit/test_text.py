from __future__ import annotations

from typing import TYPE_CHECKING

from tests.audit.make import flawed, plant, png
from tests.make import scene

from figsight.audit import describe, examine, write_page

if TYPE_CHECKING:
    from pathlib import Path


def test_describe__has_the_gravest_first_and_names_every_file(tmp_path: Path) -> None:
    lines = describe(examine(plant(tmp_path / "set", flawed()), labels=False)).splitlines()
    assert lines[0] == (
        "set: 23 pictures, 22 labels, 2 classes; 3 kinds of findings must be mended (!)"
    )
    assert lines[1] == "photos a class: 7 (blue) to 14 (red), 2 to 1"
    titles = [line for line in lines[2:] if line and not line.startswith(" ")]
    assert titles == [
        "! 1 picture cannot be decoded",
        "! 1 shot with copies under different labels",
        "! 1 leak across the given splits",
        "3 files with the bytes of another file",
        "1 pair of near-duplicates",
        "1 blank photo",
        "1 very dark photo",
        "1 blurred photo",
        "1 photo of an odd size or shape",
        "1 picture that nothing labels",
    ]
    text = "\n".join(lines)
    assert "test/blue/conflict.png (blue) = test/red/0.png (red)" in text
    assert "test/red/leak.png (test) = train/red/1.png (train)" in text
    assert "train/red/wide.png: 96 x 40" in text


def test_describe__writes_out_ten_of_a_kind(tmp_path: Path) -> None:
    picture = png(scene(0))
    files = {f"a/{k:02}.png": picture for k in range(2)} | {"b/0.png": png(scene(1))}
    files |= {f"{k:02}.png": b"nothing" for k in range(13)}
    text = describe(examine(plant(tmp_path / "set", files), labels=False))
    assert text.count("expected an AVIF") + text.count("found a file that begins") >= 10
    assert "    and 3 more" in text
    assert "09.png" in text
    assert "10.png" not in text.partition("nothing labels")[0]


def test_describe__has_nothing_to_say_of_a_sound_set(tmp_path: Path) -> None:
    files = {
        f"{name}/{k}.png": png(scene(k + 9 * (name == "b"))) for k in range(3) for name in "ab"
    }
    text = describe(examine(plant(tmp_path / "set", files), labels=False))
    assert text.splitlines() == [
        "set: 6 pictures, 6 labels, 2 classes; nothing to complain about",
        "photos a class: 3 (a) to 3 (b), 1 to 1",
    ]


def test_describe__names_what_will_not_be_learned(tmp_path: Path) -> None:
    files = {f"train/a/{k}.png": png(scene(k)) for k in range(3)}
    files |= {f"train/copied/{k}.png": png(scene(9)) for k in range(3)}
    files |= {"train/single/1.png": png(scene(8)), "test/other/1.png": png(scene(7))}
    files |= {"train/knight/1.CR2": b"raw", "train/knight/2.jp2": b"wavelets"}
    files |= {"train/spoilt/1.png": b"nothing", "train/spoilt/2.png": b"nothing"}
    audit = examine(plant(tmp_path / "set", files), labels=False)
    lines = describe(audit).splitlines()
    assert lines[0].endswith("; 3 kinds of findings must be mended (!)")
    text = "\n".join(lines)
    assert "\n2 files are no pictures that figsight opens\n" in text
    assert "\n    train/knight/1.CR2\n    train/knight/2.jp2\n" in text
    assert "\n! 3 classes without a photo to learn from\n" in text
    assert (
        "\n    other: all photos in other splits\n    spoilt: no readable photo\n"
        "    knight: no readable photo\n"
    ) in text
    assert "\n! 2 classes of a single shot\n" in text
    assert "\n    single: 1 photo\n    copied: 3 copies of one photo\n" in text
    found = audit.to_dict()
    assert found["unsupported"] == ["train/knight/1.CR2", "train/knight/2.jp2"]
    assert [one["id"] for one in found["untaught"]] == ["other", "spoilt", "knight"]
    assert found["scarce"] == [
        {"id": "single", "name": "single", "photos": 1, "shots": 1},
        {"id": "copied", "name": "copied", "photos": 3, "shots": 1},
    ]
    write_page(audit, tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text("utf-8")
    assert "<li>train/knight/1.CR2</li>" in page
    assert '<section id="scarce">' in page


def test_describe__says_which_table_kept_pictures_out(tmp_path: Path) -> None:
    files = {
        f"{name}/{k}.png": png(scene(k + 9 * (name == "b"))) for k in range(3) for name in "ab"
    }
    listed = "".join(f"{name}/{k}.png,{name}\n" for k in range(2) for name in "ab")
    files["notes.csv"] = f"path,label\n{listed}".encode()
    audit = examine(plant(tmp_path / "set", files), labels=False)
    text = describe(audit)
    assert "\n2 pictures that nothing labels\n  Only what notes.csv lists is read: training" in text
    assert audit.to_dict()["tables"] == ["notes.csv"]


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
    assert text.splitlines()[0].endswith("; nothing grave")
    assert "\n1 class without a photo to learn from\n" in text


def test_describe__lets_no_file_name_control_the_terminal(tmp_path: Path) -> None:
    files = {"a/\x1b[31m.png": b"nothing", "a/1.png": png(scene(0)), "b/1.png": png(scene(1))}
    audit = examine(plant(tmp_path / "set", files))
    text = describe(audit)
    assert "\x1b" not in text
    assert r"a/\x1b[31m.png" in text
    assert "note: suspect labels were not looked for: they need two classes at least" in text
