from __future__ import annotations

import io

import pytest

from figsight.errors import PhotoError, PhotoTooLargeError
from figsight.images import read_opened

PNG = b"\x89PNG\r\n\x1a\n"


class Slow(io.BytesIO):
    """A file that gives a little at a time, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(700 if size is None or size < 0 else min(size, 700))


def test_read_opened__reads_on_where_one_call_gives_less() -> None:
    data = PNG + bytes(range(256)) * 20
    file = Slow(b"what was read before" + data)
    file.seek(20)
    assert read_opened(file, "a") == data
    assert not file.closed


def test_read_opened__reads_no_more_than_a_picture_may_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("figsight.images.limits.MAX_FILE_BYTES", 3_000_000)
    assert len(read_opened(io.BytesIO(PNG + bytes(2_999_992)), "a")) == 3_000_000
    file = io.BytesIO(PNG + bytes(9_000_000))
    with pytest.raises(PhotoTooLargeError) as caught:
        read_opened(file, "a")
    assert str(caught.value) == "a: expected at most 3 MB of PNG, found more; make it smaller"
    assert file.tell() == 3_000_001


def test_read_opened__reads_but_the_beginning_of_what_is_no_picture() -> None:
    assert read_opened(io.BytesIO(bytes(9_000_000)), "a") == bytes(1024)


def test_read_opened__says_that_a_file_was_read_before() -> None:
    file = io.BytesIO(PNG)
    assert read_opened(file, "a") == PNG
    with pytest.raises(PhotoError) as caught:
        read_opened(file, "a")
    assert str(caught.value) == (
        "a: expected a picture, found a file that was read to its end; seek(0) first"
    )
    assert read_opened(io.BytesIO(), "a") == b""  # what decodes it says that it is empty
