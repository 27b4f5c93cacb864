from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from figsight.errors import OutputError
from figsight.evaluation.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_write_whole__writes_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    write_whole({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}


def test_write_whole__writes_nothing_when_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(OutputError) as caught:
        write_whole({tmp_path / "a": b"1", tmp_path / "none" / "b": b"2"})
    assert str(caught.value) == (
        f"{tmp_path / 'none' / 'b'}: cannot be written (No such file or directory)"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"
