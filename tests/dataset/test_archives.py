from __future__ import annotations

import gc
import os
import stat
import threading
import warnings
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from figsight.dataset import archives
from figsight.dataset.archives import ZipLimits, list_zip, read_member
from figsight.dataset.model import Photo
from figsight.errors import ArchiveError, PhotoError, PhotoTooLargeError

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ZipLimits(members=3, member_bytes=1000, total_bytes=2500, ratio=2, ratio_from=500)


def _zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # zipfile warns of duplicate names
                archive.writestr(name, data)
    return path


def _error(path: Path, limits: ZipLimits = archives.LIMITS) -> str:
    with pytest.raises(ArchiveError) as caught:
        list_zip(path, limits)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _info(name: str, *, mode: int = 0, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def test_list_zip__lists_files_in_natural_order(tmp_path: Path) -> None:
    members = ("b/10.png", "b/", "b/9.png", "./a/1.png", "__MACOSX/b/._9.png", ".x/1.png")
    path = _zip(tmp_path / "z.zip", *((name, b"") for name in members))
    assert list_zip(path) == {"a/1.png": "./a/1.png", "b/9.png": "b/9.png", "b/10.png": "b/10.png"}


def test_list_zip__reads_backslashes_as_windows_means_them(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", ("a\\1.png", b"x"))
    assert list_zip(path) == {"a/1.png": "a\\1.png"}
    assert read_member(path, "a\\1.png") == b"x"


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (_info("../x.png"), "../x.png leads out of the zip"),
        (_info("a/../../x.png"), "a/../../x.png leads out of the zip"),
        (_info("a\\..\\..\\x.png"), "a\\..\\..\\x.png leads out of the zip"),
        (_info("/etc/x.png"), "/etc/x.png has an absolute name"),
        (_info("\\x.png"), "\\x.png has an absolute name"),
        (_info("C:/x.png"), "C:/x.png has an absolute name"),
        (_info("x.png", mode=stat.S_IFLNK | 0o777), "x.png is a link"),
        (_info("x.png", mode=stat.S_IFIFO | 0o777), "x.png is neither a file nor a folder"),
        (_info("./"), "./ has an empty or broken name"),
    ],
)
def test_list_zip__refuses_hostile_members(
    tmp_path: Path, member: zipfile.ZipInfo, reason: str
) -> None:
    path = _zip(tmp_path / "z.zip", ("good.png", b"x"), (member, b"target"))
    assert _error(path) == f"z.zip: the member {reason}; zip the photos again without it"


def test_list_zip__refuses_encrypted_members(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", ("x.png", b"x"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flags in the list of members
    path.write_bytes(data)
    assert _error(path) == (
        "z.zip: the member x.png is encrypted; zip the photos again without a password"
    )


@pytest.mark.parametrize(
    ("method", "called"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")]
)
def test_list_zip__says_how_to_zip_what_is_compressed_in_another_way(
    tmp_path: Path, method: int, called: str
) -> None:
    path = _zip(tmp_path / "z.zip", ("good.png", b"x"), (_info("x.png", method=method), b"x"))
    assert _error(path) == (
        f"z.zip: the member x.png is compressed by {called}; "
        "zip the photos again with the usual compression (deflate)"
    )


@pytest.mark.parametrize("twin", ["a/x.png", "a//x.png", "./a/x.png", "a\\x.png"])
def test_list_zip__refuses_one_name_twice(tmp_path: Path, twin: str) -> None:
    path = _zip(tmp_path / "z.zip", ("a/x.png", b"1"), (twin, b"2"))
    assert _error(path) == "z.zip: two members are called a/x.png; zip it again"


def test_list_zip__refuses_too_much(tmp_path: Path) -> None:
    many = _zip(tmp_path / "many.zip", *((f"{n}.png", b"") for n in range(4)))
    assert _error(many, SMALL) == "many.zip: 4 members; at most 3 are read from one zip"
    noise = os.urandom(1000)
    large = _zip(tmp_path / "large.zip", ("a.png", noise + b"x"))
    assert _error(large, SMALL) == (
        "large.zip: 1 member is larger than 0 MiB unpacked: a.png; take it out"
    )
    two = _zip(tmp_path / "two.zip", ("a.png", noise + b"x"), ("b.png", noise + b"x"))
    assert _error(two, SMALL) == (
        "two.zip: 2 members are larger than 0 MiB unpacked: a.png, b.png; take them out"
    )
    total = _zip(tmp_path / "total.zip", *((f"{n}.png", noise) for n in range(3)))
    assert _error(total, SMALL).endswith("that would unpack to 3,000; this looks like a zip bomb")
    bomb = _zip(tmp_path / "bomb.zip", ("a.png", b"0" * 1000))
    assert _error(bomb, SMALL).endswith("that would unpack to 1,000; this looks like a zip bomb")
    blank = _zip(tmp_path / "blank.zip", ("a.png", b"0" * 500))
    assert list_zip(blank, SMALL) == {"a.png": "a.png"}


@pytest.mark.parametrize("declared", [4, 1])  # what binds nobody
def test_list_zip__counts_members_before_it_parses_them(
    tmp_path: Path, declared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _zip(tmp_path / "many.zip", *((f"{n}.png", b"") for n in range(4)))
    data = path.read_bytes()
    path.write_bytes(data[:-14] + bytes([declared, 0, declared, 0]) + data[-10:])
    monkeypatch.setattr("zipfile.ZipInfo", lambda *_: pytest.fail("the list was parsed"))
    assert _error(path, SMALL) == "many.zip: 4 members; at most 3 are read from one zip"
    monkeypatch.setattr(archives, "LIMITS", SMALL)
    with pytest.raises(ArchiveError) as caught:
        read_member(path, "1.png")
    assert str(caught.value) == "4 members in many.zip; at most 3 are read from one zip"


def test_list_zip__that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert _error(tmp_path / "z.zip") == (
        "z.zip: the zip cannot be opened: No such file or directory"
    )
    gc.collect()  # what was half made says nothing when it goes


def test_list_zip__does_not_read_a_list_that_is_too_long(tmp_path: Path) -> None:
    path = _zip(tmp_path / "long.zip", ("a" * 2000, b""))
    assert _error(path, SMALL) == (
        "long.zip: a list of members of 2,046 bytes; at most 3 are read from one zip"
    )


def test_read_member__that_is_a_zip_itself_is_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LIMITS", replace(archives.LIMITS, members=3))
    inner = b"PK\1\2" * 1000
    path = _zip(tmp_path / "z.zip", (_info("a.png"), inner))
    assert read_member(path, "a.png") == inner


def test_list_zip__refuses_damaged_zips(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    path.write_bytes(b"PK\x03\x04 not really")
    assert _error(path) == "z.zip: the zip is damaged (File is not a zip file); fetch it again"
    whole = _zip(tmp_path / "whole.zip", ("x.png", os.urandom(1000))).read_bytes()
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        assert _error(path).startswith("z.zip: the zip is damaged (")


def test_list_zip__survives_any_flipped_byte(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", ("a/x.png", b"0123456789" * 20), ("b/y.png", os.urandom(50)))
    whole = path.read_bytes()
    target = tmp_path / "flipped.zip"
    for position in range(len(whole)):
        target.unlink(missing_ok=True)
        flipped = whole[position] ^ 0xFF
        target.write_bytes(whole[:position] + bytes([flipped]) + whole[position + 1 :])
        try:
            for member in list_zip(target).values():
                read_member(target, member)
        except ArchiveError as error:
            assert "\n" not in str(error)  # noqa: PT017  (most flips are found, some are harmless)


def test_read_member__refuses_a_size_that_is_not_the_declared_one(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", ("x.png", b"0" * 100_000))
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"^damaged in z\.zip \(Bad CRC-32"):
        read_member(path, "x.png")


def test_read_member__is_bounded(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", ("x.png", b"0" * 2**20))
    assert len(read_member(path, "x.png", 2**20)) == 2**20
    with pytest.raises(ArchiveError, match=r"^larger than 0 MiB unpacked$"):
        read_member(path, "x.png", 2**18)
    with pytest.raises(ArchiveError, match=r"^no longer in z\.zip$"):
        read_member(path, "y.png")


def test_read_member__opens_a_zip_once_for_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _zip(tmp_path / "z.zip", *((f"{n}.png", b"%d" % n) for n in range(20)))
    opened = []
    original = archives._Zip

    def counting(file: Path, members: int) -> zipfile.ZipFile:
        opened.append(threading.get_ident())
        return original(file, members)

    monkeypatch.setattr("figsight.dataset.archives._Zip", counting)

    def read_all() -> None:
        for number in range(20):
            assert read_member(path, f"{number}.png") == b"%d" % number

    threads = [threading.Thread(target=read_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read_all()
    assert len(opened) == 4


def test_read_member__notices_that_a_zip_has_changed(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", ("x.png", b"old"))
    assert read_member(path, "x.png") == b"old"
    _zip(tmp_path / "new.zip", ("x.png", b"newer")).replace(path)
    assert read_member(path, "x.png") == b"newer"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_member(path, "x.png")


def test_read_member__keeps_few_zips_open(tmp_path: Path) -> None:
    for number in range(10):
        path = _zip(tmp_path / f"{number}.zip", ("x.png", b"%d" % number))
        assert read_member(path, "x.png") == b"%d" % number
    assert len(archives._open_zips.zips) <= 4


def test_photo_read__names_the_photo_and_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = Photo("a/x.png", tmp_path / "gone.png")
    with pytest.raises(PhotoError) as caught:
        photo.read()
    assert str(caught.value) == "a/x.png: No such file or directory"
    path = _zip(tmp_path / "z.zip", ("x.png", b"x"))
    with pytest.raises(PhotoError) as caught:
        Photo("a/y.png", path, "y.png").read()
    assert str(caught.value) == "a/y.png: no longer in z.zip"
    (tmp_path / "large.png").write_bytes(b"x" * 20)
    monkeypatch.setattr("figsight.dataset.model.LIMITS", ZipLimits(member_bytes=10))
    with pytest.raises(PhotoTooLargeError, match=r"^a/x\.png: larger than 0 MiB$"):
        Photo("a/x.png", tmp_path / "large.png").read()
