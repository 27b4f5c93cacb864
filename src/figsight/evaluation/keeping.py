"""The folder that keeps finished folds: whether it may be used, and what its folds are for.

Knows names and plans. Does not know what a fold is, nor its answers.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from figsight.errors import OutputError
from figsight.files import is_litter, write_whole
from figsight.training.versions import find_version

if TYPE_CHECKING:
    import os
    from contextlib import AbstractContextManager

    from figsight.dataset.groups import Grouped
    from figsight.training import Recipe

PLAN = "cross-validation.json"
"""What the folder of finished folds holds from its first moment: says what they are for."""

_FOLD = re.compile(r"repeat-\d+-fold-\d+.*")


def open_place(work: str | os.PathLike[str] | None) -> AbstractContextManager[str]:
    """Return the folder, made where it is wanted; without a wish one that goes away at the end."""
    if work is None:
        return tempfile.TemporaryDirectory(prefix="figsight-")
    try:
        Path(work).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{work}: cannot be made ({error.strerror or error})") from error
    return nullcontext(str(work))


def require_ours(place: Path) -> None:
    """Refuse a folder that holds something, but no plan of a cross-validation and no fold of one.

    Raises:
        OutputError: It is such a folder, or cannot be looked into.
    """
    try:
        names = sorted(path.name for path in place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return  # it can be made, or that is said when it cannot
    except (OSError, ValueError) as error:  # a null byte is the latter
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{place}: cannot be looked into ({reason})") from error
    strangers = [n for n in names if not (is_litter(n) or is_litter(n, folder=True))]
    if strangers and _read_plan(place) is None and not any(map(_FOLD.fullmatch, strangers)):
        raise OutputError(
            f"{place}: expected an empty folder, or one with finished folds, found {strangers[0]!a}; "
            f"name another folder"
        )


def _read_plan(place: Path) -> dict[str, Any] | None:
    """Return what the folds of a folder are for; None when it does not say so."""
    try:
        plan = json.loads((place / PLAN).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return plan if isinstance(plan, dict) and plan.keys() >= {"recipe", "seed", "folds"} else None


def describe(
    found: Grouped,
    recipe: Recipe,
    weights: str | Path | None,
    seed: int,
    folds: int,
    budget: float | None,
) -> dict[str, Any]:
    """Return everything that decides what a fold's answers are, but for the number of repeats.

    What is made of the answers is not in it: which of two figures is looked for, a sensitivity, a share
    to keep. Each may be another when finished folds are taken up again.
    """
    start = str(weights) if weights is not None else None
    if weights is not None and Path(weights).is_file():
        start = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    return {
        "figsight": find_version("figsight"),
        "recipe": msgspec.to_builtins(recipe),
        "weights": start,
        "seed": seed,
        "folds": folds,
        "photos": found.sha256,
        "figures": [photo.figure_id for photo in found.dataset.photos],
        "classes": [figure.id for figure in found.dataset.figures],
        "groups": found.groups,
        **({} if budget is None else {"budget": budget}),
    }


def agree(place: Path, plan: dict[str, Any]) -> None:
    """Write down what the folder is for, or refuse one that is for something else.

    Raises:
        OutputError: It holds the folds of another cross-validation.
    """
    path = place / PLAN
    text = json.dumps(plan, indent=2, sort_keys=True)
    # A plan of which nothing has been trained binds nobody: a misspelt backbone leaves one.
    if not any(place.glob("repeat-*")):
        write_whole({path: text.encode()})
        return
    if _read_plan(place) != json.loads(text):
        raise OutputError(
            f"{place}: holds the folds of another cross-validation (other photos, recipe, folds, "
            f"seed or version of figsight); name another folder, or remove it"
        )
