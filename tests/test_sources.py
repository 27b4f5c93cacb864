from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PIL import Image

from figsight.dataset.model import Photo
from figsight.dataset.unlabelled import read_unlabelled
from figsight.errors import PhotoError, PhotoTooLargeError
from figsight.sources import Held, Missing, expand_sources, name_source, read_photo, take

if TYPE_CHECKING:
    from figsight.sources import Taken


def _fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def _names(folder: Path) -> list[str]:
    return [Path(str(found)).relative_to(folder).as_posix() for found in expand_sources(folder)]


def test_expand__finds_pictures_in_the_order_of_their_paths(tmp_path: Path) -> None:
    names = ["b.jpg", "a/2.jpg", "a.jpg", "a/1/x.PNG", "a-b.jpg", "B.jpg", "a/10.jpg"]
    assert _names(_fill(tmp_path, *names)) == sorted(names)


def test_expand__leaves_out_what_is_no_picture_or_hidden(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg", "notes.txt", ".hidden.jpg", "._a.jpg", ".thumbs/a.jpg", "d/index.csv")
    assert _names(tmp_path) == ["a.jpg"]


def test_expand__does_not_walk_in_circles(tmp_path: Path) -> None:
    _fill(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "b").symlink_to(tmp_path)
    (tmp_path / "a" / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "a" / "linked.jpg").symlink_to("1.jpg")
    assert _names(tmp_path) == ["a/1.jpg", "a/gone.jpg", "a/linked.jpg"]


def test_expand__follows_links_to_folders_once_and_last(tmp_path: Path) -> None:
    root = _fill(tmp_path / "set", "z/1.jpg", "z/inside/2.jpg", "y.jpg")
    _fill(tmp_path / "far", "3.jpg", "in/4.jpg")
    (root / "a").symlink_to(tmp_path / "far", target_is_directory=True)
    (root / "b").symlink_to(tmp_path / "far" / "in")
    (root / "c").symlink_to("z")
    (tmp_path / "far" / "back").symlink_to(root)
    assert _names(root) == ["y.jpg", "z/1.jpg", "z/inside/2.jpg", "a/3.jpg", "a/in/4.jpg"]


def test_expand__finds_what_a_set_of_the_same_folder_has(tmp_path: Path) -> None:
    root = _fill(
        tmp_path / "set",
        *("a.jpg", "10.jpg", "9.jpg", ".x/a.jpg", "b/@eaDir/1.jpg/THUMB_M.jpg", "b/1.jpg"),
        *("lost+found/1.jpg", "__MACOSX/b/1.jpg", "System Volume Information/1.jpg", ".a.jpg"),
        *("m/manifest.json", "m/model.onnx", "m/thumbnails/1.jpg", "n.training/1.jpg"),
        *("o.training/plan.json", "o.training/a.safetensors", "o.training/1.jpg", "c/b/1.jpg"),
    )
    far = _fill(tmp_path / "far", "1.jpg", "x/2.jpg", "m/manifest.json", "m/model.onnx", "m/1.jpg")
    (root / "linked").symlink_to(far)
    (root / "again").symlink_to(far / "x")
    (root / "into").symlink_to("m/thumbnails")
    (root / "loop").symlink_to(root)
    (root / "gone.jpg").symlink_to("nowhere")
    (root / "circle.jpg").symlink_to("circle.jpg")
    os.mkfifo(root / "pipe.jpg")
    expected = [photo.path for photo in read_unlabelled(root).photos]
    found = _names(root)
    assert sorted(found) == sorted(expected)
    assert {"a.jpg", "b/1.jpg", "again/2.jpg", "linked/1.jpg", "gone.jpg"} < set(found)


def test_expand__goes_on_while_the_photos_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg", "c/1.jpg")
    listed = []
    scan = os.scandir

    def watch(path: str) -> Any:
        listed.append(Path(path).name)
        return scan(path)

    monkeypatch.setattr("os.scandir", watch)
    coming = expand_sources(tmp_path)
    assert [next(coming), next(coming)] == [f"{tmp_path}/a/1.jpg", f"{tmp_path}/a/2.jpg"]
    assert listed == [tmp_path.name, "a"]


def test_expand__passes_over_models_and_unfinished_trainings(tmp_path: Path) -> None:
    _fill(tmp_path, "a/1.jpg", "a/m/manifest.json", "a/m/model.onnx", "a/m/thumbnails/1.jpg")
    _fill(tmp_path / "m.training", "plan.json", "final.safetensors", "1.jpg")
    assert _names(tmp_path) == ["a/1.jpg"]
    assert _names(tmp_path / "a" / "m") == ["thumbnails/1.jpg"]  # as somebody asked for it


def test_expand__keeps_paths_as_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(tmp_path, "photos/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert list(expand_sources("photos")) == ["photos/a.jpg"]
    assert list(expand_sources(["photos", "x.jpg"])) == ["photos/a.jpg", "x.jpg"]


def test_expand__a_folder_without_pictures_comes_as_one_that_cannot_be_read(tmp_path: Path) -> None:
    _fill(tmp_path, "empty/a.txt", "b.jpg")
    first, second = expand_sources([tmp_path / "empty", tmp_path / "b.jpg"])
    assert second == tmp_path / "b.jpg"
    assert _refusal(first) == f"{tmp_path}/empty: expected a folder with pictures, found none in it"


def test_expand__goes_on_after_a_folder_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    _fill(tmp_path, "a.jpg", "locked/b.jpg", "z.jpg")
    monkeypatch.setattr("os.scandir", refuse)
    first, locked, last = expand_sources(tmp_path)
    assert (first, last) == (f"{tmp_path}/a.jpg", f"{tmp_path}/z.jpg")
    assert _refusal(locked) == (
        f"{tmp_path}/locked: the folder cannot be listed (Permission denied)"
    )


def _refusal(source: Any) -> str:
    with pytest.raises(PhotoError) as caught:
        source.read()
    return str(caught.value)


def test_take__reads_open_files_and_copies_buffers(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    with (tmp_path / "a.jpg").open("rb") as file:
        (found,) = expand_sources(file)
    assert isinstance(found, Held)
    assert (found, found.read()) == (Held(str(tmp_path / "a.jpg"), b"\xff\xd8"), b"\xff\xd8")
    assert take(io.BytesIO(b"ab")) == Held("<file>", b"ab")
    buffer = bytearray(b"ab")
    assert list(expand_sources(buffer)) == list(expand_sources(memoryview(buffer))) == [b"ab"]
    assert list(expand_sources([buffer, memoryview(b"c")])) == [b"ab", b"c"]


def test_read_photo__takes_the_pixels_of_one_that_has_decoded_itself() -> None:
    class Decoded:
        path = "a.jpg"

        def read(self) -> bytes:
            raise AssertionError

        def read_pixels(self) -> np.ndarray:
            return np.full((2, 3, 3), 7, np.uint8)

    pixels = read_photo(Decoded())
    assert isinstance(pixels, np.ndarray)
    assert pixels.shape == (2, 3, 3)
    assert read_photo(Held("b.jpg", b"ab")) == b"ab"


def test_take__says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    closed = io.BytesIO(b"ab")
    closed.close()
    assert _refusal(take(closed)) == (
        "<file>: expected a file that can be read, found 'i/o operation on closed file.'; open it again"
    )
    assert _refusal(take(cast("Any", io.StringIO("ab")))) == (
        "<file>: expected a file of bytes, found one of str; open it with 'rb'"
    )


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/b.jpg", "a/b.jpg"),
        (Path("a/b.jpg"), "a/b.jpg"),
        (b"\xff\xd8", "<bytes>"),
        (np.zeros((2, 2, 3), np.uint8), "<array>"),
        (Image.new("RGB", (2, 2)), "<image>"),
        (Photo(path="a/b.jpg", file=Path("set.zip"), member="a/b.jpg"), "a/b.jpg"),
    ],
)
def test_source__alone_is_one_and_has_a_name(source: Taken, name: str) -> None:
    (found,) = expand_sources(source)
    assert found is source
    assert name_source(source) == name


class Remote:
    """A file as fsspec opens it: it has a path, too, and is closed by whoever opened it."""

    path = "bucket/a.jpg"

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    @property
    def closed(self) -> bool:
        return self._file.closed

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, at: int) -> int:
        return self._file.seek(at)

    def close(self) -> None:
        self._file.close()


def test_take__reads_at_once_what_has_a_path_and_is_open() -> None:
    file = Remote(b"ab")
    taken = take(file)
    file.close()
    assert taken == Held("bucket/a.jpg", b"ab")
    assert _refusal(take(file)) == (
        "bucket/a.jpg: expected a file that can be read, found 'i/o operation on closed file.'; "
        "open it again"
    )


def test_take__says_that_a_file_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figsight.images.limits.MAX_FILE_BYTES", 2000)
    taken = take(Remote(b"\x89PNG\r\n\x1a\n" + bytes(3000)))
    assert isinstance(taken, Missing)
    with pytest.raises(PhotoTooLargeError, match=r"^bucket/a\.jpg: expected at most 0 MB of PNG, "):
        taken.read()


def test_read_photo__says_that_a_file_is_closed() -> None:
    class Closed:
        path = "a.jpg"

        def read(self) -> bytes:
            raise ValueError("read of closed file")

    with pytest.raises(PhotoError) as caught:
        read_photo(Closed())
    assert caught.value.reason == (
        "expected a file that can be read, found 'read of closed file'; open it again"
    )


def test_source__a_path_of_bytes_has_a_name_of_text() -> None:
    class Place:
        def __fspath__(self) -> bytes:
            return b"a/\xff.jpg"

    assert name_source(cast("Any", Place())) == "a/\udcff.jpg"
