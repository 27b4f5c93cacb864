from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from figsight.dataset.model import Photo
from figsight.errors import OutputError, PhotoError
from figsight.files import is_litter, read_plain, write_whole, written_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_write_whole__writes_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    write_whole({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}


def test_write_whole__keeps_the_old_file_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")

    def fill_disk(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fill_disk)
    with pytest.raises(OutputError, match="found: No space left on device; free some space"):
        write_whole({tmp_path / "a": b"1"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "free some space, or choose another folder"),
        (errno.EDQUOT, "free some space, or choose another folder"),
        (errno.EACCES, "allow writing there, or choose another folder"),
        (errno.EPERM, "allow writing there, or choose another folder"),
        (errno.EROFS, "choose another folder"),
    ],
)
def test_write_whole__advises_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, advice: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, "No")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OutputError) as caught:
        write_whole({tmp_path / "a": b"1"})
    assert str(caught.value) == (
        f"{tmp_path / 'a'}: expected a place that can be written, found: No; {advice}"
    )


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "._a.jpg", ".gitattributes"]
)
def test_is_litter__knows_what_systems_leave(name: str) -> None:
    assert is_litter(name)
    assert not is_litter(name, folder=True)


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", ".Spotlight-V100", "lost+found"])
def test_is_litter__knows_folders_that_systems_leave(name: str) -> None:
    assert is_litter(name, folder=True)
    assert not is_litter(name)


@pytest.mark.parametrize("name", [".git", ".env", ".Trashes", "thumbs.db.txt", "a.ini", ".", ""])
def test_is_litter__leaves_people_s_own_alone(name: str) -> None:
    assert not is_litter(name)
    assert not is_litter(name, folder=True)


def test_write_whole__writes_nothing_when_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(OutputError) as caught:
        write_whole({tmp_path / "a": b"1", tmp_path / "none" / "b": b"2"})
    assert str(caught.value) == (
        f"{tmp_path / 'none' / 'b'}: expected a place that can be written, found: No such file or "
        "directory; choose another folder"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_written_whole__moves_what_is_done_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("old")

    def write_half(error: Exception) -> None:
        with written_whole(target) as part:
            part.write_text("half")
            raise error

    with pytest.raises(RuntimeError):
        write_half(RuntimeError())
    with pytest.raises(OutputError, match="expected a place that can be written, found: No space"):
        write_half(OSError(errno.ENOSPC, "No space left on device"))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert target.read_text() == "old"
    with written_whole(target) as part:
        part.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert target.read_text() == "new"


def test_write_whole__from_several_threads_leaves_one_of_them_whole(tmp_path: Path) -> None:
    target = tmp_path / "a"
    texts = [bytes([number]) * 1000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(write_whole, {target: text}) for text in texts * 10]:
            done.result()
    assert target.read_bytes() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_write_whole__says_what_a_disk_that_refuses_everything_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    monkeypatch.setattr("pathlib.Path.unlink", refuse)  # there, even of a file that is not there
    with pytest.raises(OutputError, match=r"found: Read-only file system; choose another folder$"):
        write_whole({tmp_path / "a": b"1"})
    with (
        pytest.raises(OutputError, match=r"found: Read-only file system; choose another folder$"),
        written_whole(tmp_path / "a"),
    ):
        pass


@pytest.mark.parametrize("name", ["a" * 255, "\u00e9" * 127, "a\udcff"])
def test_write_whole__writes_under_every_name_that_a_file_may_have(
    tmp_path: Path, name: str
) -> None:
    try:
        (tmp_path / name).write_bytes(b"old")
    except OSError:
        pytest.skip("not on this file system")
    write_whole({tmp_path / name: b"new"})
    assert (tmp_path / name).read_bytes() == b"new"
    with written_whole(tmp_path / name) as part:
        part.write_bytes(b"newer")
    assert (tmp_path / name).read_bytes() == b"newer"
    assert len(list(tmp_path.iterdir())) == 1


def test_read_plain__reads_one_byte_too_many_at_most(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert [read_plain(tmp_path / "a", limit) for limit in (2, 4, 9)] == [
        b"123",
        b"12345",
        b"12345",
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none", "No such file or directory"),
        (".", "Is a directory"),
        ("pipe", "A pipe or a device, which may never end; copy it first"),
        ("a\0b", "Embedded null byte"),
    ],
)
def test_read_plain__says_why_a_file_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=reason) as caught:
        read_plain(tmp_path / name, 9)
    assert caught.value.strerror == reason
    with pytest.raises(PhotoError) as refused:
        Photo("p", tmp_path / name).read()
    assert str(refused.value) == f"p: {reason}"
