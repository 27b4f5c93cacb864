"""The report: one HTML file that opens anywhere, and the same numbers as JSON beside it.

    page.py        the order of things
    verdict.py     the sentence, the scores
    mistakes.py    every mistake with its grounds
    classes.py     figure by figure
    confusion.py   what is taken for what
    unknowns.py    photos of none of the figures
    doubt.py       whether probabilities hold
    photos.py      the photos with their names
    background.py  the audit's findings, training curves, provenance
    plots.py       the plots; svg.py puts them into the page
    pictures.py    photos as small pictures
    markup.py      HTML as text
    style.css      how it looks, on a phone, a screen and paper

Knows what an evaluation has found. Measures nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from figsight.errors import MissingExtraError
from figsight.evaluation.report.page import write_page
from figsight.files import check_output, write_whole
from figsight.pages import check_page

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from figsight.audit import Audit
    from figsight.evaluation.results import Evaluation

__all__ = ["check_report", "write_report"]

# How they begin, as a report writes them and as ``evaluate --json`` prints them, in one line.
_OUR_NUMBERS = re.compile(
    rb'\{\s*"protocol": "(?:[^"\\\n]|\\.)*",\s*"n": \d+,\s*"repeats": \d+,\s*"correct": '
)

_LABELS = "labels that look wrong were not looked for here; figsight audit looks for them"


def check_report(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Return the page and the JSON of a report; before an hour of measuring, not after.

    Raises:
        OutputError: It is no name of an HTML file, its folder is missing, or something else than
            a page that figsight wrote, or the JSON of its reports, is there.
        MissingExtraError: matplotlib is not installed.
    """
    page = check_page(path)
    what = "the JSON of a report that figsight wrote"
    numbers = check_output(page.with_suffix(".json"), (".json",), _is_ours, what)
    if find_spec("matplotlib") is None:
        raise MissingExtraError("drawing the report", "report")
    return page, numbers


def _is_ours(ends: bytes) -> bool:
    return _OUR_NUMBERS.match(ends) is not None


def write_report(
    evaluation: Evaluation, path: str | os.PathLike[str], *, audit: Audit | None = None
) -> list[Path]:
    """Write a report as one HTML file, and everything in it as JSON beside it.

    Both are written whole or not at all. A page of 268 photos has about 3 MB.

    Args:
        evaluation: What was found; its photos must still be where they were.
        path: Where to, ending in ``.html``; an older report of this name is replaced.
        audit: What is wrong with the photos, if somebody has looked.

    Returns:
        The two files.

    Raises:
        OutputError: As ``check_report``; or they cannot be written there.
        MissingExtraError: matplotlib is not installed.
    """
    page, beside = check_report(path)
    if audit is not None and not audit.suspect_labels and not audit.notes:  # nobody has asked
        audit = replace(audit, notes=(_LABELS,))
    numbers = evaluation.to_dict() | {"audit": None if audit is None else audit.to_dict()}
    # A file's name may be bytes that are no text; in both files it is then written as an escape.
    files = {
        page: write_page(evaluation, audit).encode("utf-8", "backslashreplace"),
        beside: json.dumps(numbers, indent=1).encode() + b"\n",
    }
    write_whole(files)
    return list(files)
