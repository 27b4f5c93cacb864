"""The report: one HTML file that opens anywhere, and the same numbers as JSON beside it.

    page.py        the order of things
    verdict.py     the sentence, the scores
    tested.py      which answers are a test
    mistakes.py    every mistake with its grounds
    classes.py     figure by figure
    confusion.py   what is taken for what
    unknowns.py    photos of none of the figures
    doubt.py       whether probabilities hold
    photos.py      the photos with their names
    background.py  the audit's findings, training curves, provenance
    plots.py       the plots; svg.py puts them into the page
    history.py     the epochs of a bundle
    pictures.py    photos as small pictures
    markup.py      HTML as text
    style.css      how it looks, on a phone, a screen and paper

Knows what an evaluation has found. Measures nothing.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from figsight.errors import MissingExtraError, OutputError
from figsight.evaluation.report.page import write_page
from figsight.files import write_whole

if TYPE_CHECKING:
    import os

    from figsight.audit import Audit
    from figsight.evaluation.results import Evaluation

__all__ = ["check_report", "write_report"]


def check_report(path: str | os.PathLike[str]) -> None:
    """Raise if a report could not be written there; before an hour of measuring, not after.

    Raises:
        OutputError: It is no name of an HTML file, or its folder is missing.
        MissingExtraError: matplotlib is not installed.
    """
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise OutputError(
            f"{target}: expected a file ending in .html; write for example "
            f"{target.with_suffix('.html').name if target.name else 'report.html'}"
        )
    if not target.parent.is_dir():
        raise OutputError(
            f"{target}: expected an existing folder {target.parent}, found none; make it first"
        )
    for one in (target, target.with_suffix(".json")):
        if one.is_dir():
            raise OutputError(f"{one}: expected the name of a file, found a folder; choose another")
    if find_spec("matplotlib") is None:
        raise MissingExtraError("the plots of the report", "report")


def write_report(
    evaluation: Evaluation, path: str | os.PathLike[str], *, audit: Audit | None = None
) -> list[Path]:
    """Write a report as one HTML file, and everything in it as JSON beside it.

    Both are written whole or not at all. A page of 268 photos has about 3 MB.

    Args:
        evaluation: What was found; its photos must still be where they were.
        path: Where to, ending in ``.html``; existing files of these names are replaced.
        audit: What is wrong with the photos, if somebody has looked.

    Returns:
        The two files.

    Raises:
        OutputError: They cannot be written there.
        MissingExtraError: matplotlib is not installed.
    """
    check_report(path)
    page = Path(path)
    numbers = evaluation.to_dict() | {"audit": None if audit is None else audit.to_dict()}
    # A file's name may be bytes that are no text; in both files it is then written as an escape.
    files = {
        page: write_page(evaluation, audit).encode("utf-8", "backslashreplace"),
        page.with_suffix(".json"): json.dumps(numbers, indent=1).encode() + b"\n",
    }
    write_whole(files)
    return list(files)
