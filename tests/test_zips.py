from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from figsight.zips import DAMAGED_ZIP, read_entry

if TYPE_CHECKING:
    from pathlib import Path


def make_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.png", b"0123456789" * 20)
    return path


def test_read_entry__returns_a_member(tmp_path: Path) -> None:
    with zipfile.ZipFile(make_zip(tmp_path / "photos.zip")) as archive:
        assert read_entry(archive, archive.infolist()[0]) == b"0123456789" * 20


@pytest.mark.parametrize("size", [3, 1000])
def test_read_entry__refuses_a_member_of_another_size_than_declared(
    tmp_path: Path, size: int
) -> None:
    with zipfile.ZipFile(make_zip(tmp_path / "photos.zip")) as archive:
        entry = archive.infolist()[0]
        entry.file_size = size
        with pytest.raises(zipfile.BadZipFile):
            read_entry(archive, entry)


def test_damaged_zip__is_what_zipfile_raises_on_damaged_bytes(tmp_path: Path) -> None:
    sound = make_zip(tmp_path / "photos.zip").read_bytes()
    damaged = tmp_path / "damaged.zip"
    failures = 0
    for at in range(len(sound)):
        damaged.write_bytes(sound[:at] + bytes([sound[at] ^ 0xFF]) + sound[at + 1 :])
        try:
            with zipfile.ZipFile(damaged) as archive:
                read_entry(archive, archive.infolist()[0])
        except (*DAMAGED_ZIP, IndexError, OSError):  # IndexError: of a zip with no member left
            failures += 1
    assert failures > len(sound) / 2
