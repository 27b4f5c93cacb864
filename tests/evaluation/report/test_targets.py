"""Where a report may be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from figsight.errors import OutputError
from figsight.evaluation.report import check_report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("out.png", "'.png'"), ("out", "no extension"), ("out.json", "'.json'")],
)
def test_check_report__wants_html(tmp_path: Path, name: str, suffix: str) -> None:
    with pytest.raises(OutputError) as caught:
        check_report(tmp_path / name)
    assert str(caught.value) == (
        f"{tmp_path / name}: expected a file ending in .html or .htm, found {suffix}; write for "
        "example out.html"
    )


def test_check_report__wants_a_place(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none; make it first$"):
        check_report(tmp_path / "none" / "out.html")
    (tmp_path / "out.json").mkdir()
    with pytest.raises(OutputError) as caught:
        check_report(tmp_path / "out.html")
    assert str(caught.value) == (
        f"{tmp_path / 'out.json'}: expected the name of a file, found a folder; add a file name, or "
        "choose another"
    )
