from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from figsight.drawing import check_picture, save_picture
from figsight.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = Image.new("RGB", (12, 8), (200, 30, 60))


@pytest.mark.parametrize(
    ("name", "form"), [("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.jpeg", "JPEG"), ("ü.webp", "WEBP")]
)
def test_save_picture__writes_what_the_extension_says(tmp_path: Path, name: str, form: str) -> None:
    save_picture(PICTURE, tmp_path / name)
    with Image.open(tmp_path / name) as picture:
        assert (picture.format, picture.size) == (form, (12, 8))
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_save_picture__replaces_what_was_drawn_and_no_other_picture(
    tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    save_picture(Image.fromarray(noise), target)  # longer than what is read of it
    save_picture(PICTURE, target)
    with Image.open(target) as picture:
        assert picture.size == (12, 8)
    PICTURE.save(target)
    mine = target.read_bytes()
    with pytest.raises(OutputError) as caught:
        save_picture(PICTURE, target)
    assert str(caught.value) == (
        f"{target}: expected no file, or a picture that figsight drew, found another; choose another "
        "name, or remove it first"
    )
    assert target.read_bytes() == mine
    target.write_bytes(b"")
    save_picture(PICTURE, target)


def test_check_picture__refuses_no_name() -> None:
    with pytest.raises(OutputError, match="expected the name of a file, found a folder"):
        check_picture("")
    with pytest.raises(OutputError, match=r"found one that cannot be used \(embedded null byte\)"):
        check_picture("a\0b.png")


def test_save_picture__takes_other_modes(tmp_path: Path) -> None:
    save_picture(PICTURE.convert("RGBA"), str(tmp_path / "a.jpg"))
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.mode == "RGB"


def test_save_picture__keeps_the_old_file_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.png"
    save_picture(PICTURE, target)
    older = target.read_bytes()

    def fill_disk(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fill_disk)
    with pytest.raises(OutputError) as caught:
        save_picture(PICTURE, target)
    assert str(caught.value) == (
        f"{target}: expected a place that can be written, found: No space left on device; "
        "free some space, or choose another folder"
    )
    assert target.read_bytes() == older
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "a.bmp",
            (
                "expected a file ending in .png, .jpg, .jpeg or .webp, found '.bmp'; "
                "write for example a.png"
            ),
        ),
        (
            "a",
            (
                "expected a file ending in .png, .jpg, .jpeg or .webp, found no extension; "
                "write for example a.png"
            ),
        ),
        (
            "folder.png",
            "expected the name of a file, found a folder; add a file name, or choose another",
        ),
    ],
)
def test_save_picture__refuses_a_wrong_name(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError) as caught:
        save_picture(PICTURE, tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {message}"


def test_save_picture__refuses_a_missing_folder(tmp_path: Path) -> None:
    target = tmp_path / "no" / "a.png"
    with pytest.raises(OutputError) as caught:
        save_picture(PICTURE, target)
    assert str(caught.value) == (
        f"{target}: expected an existing folder {target.parent}, found none; make it first"
    )


def test_save_picture__refuses_what_the_format_cannot_hold(tmp_path: Path) -> None:
    target = tmp_path / "a.webp"
    with pytest.raises(OutputError) as caught:
        save_picture(Image.new("L", (16_384, 1)), target)
    assert str(caught.value) == (
        f"{target}: expected at most 16383 pixels a side for WEBP, found 16384 x 1; write a .png"
    )
