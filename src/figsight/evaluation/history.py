"""The epochs of a bundle's ``history.csv``, read strictly.

Knows its columns. Does not know how training went beyond them.
"""

from __future__ import annotations

import csv
import math
from typing import TypeAlias

Epochs: TypeAlias = "dict[str, list[tuple[int, float, float]]]"
"""Epoch, loss and accuracy, by the name of the network."""

COLUMNS = ("run", "epoch", "loss", "accuracy")


def read_history(text: str | None) -> Epochs:
    """Return the epochs of each network; nothing where the table is missing or is another.

    A model is drawn with what it carries, and a table that cannot be drawn changes no number.
    """
    if text is None:
        return {}
    try:
        lines = list(csv.reader(text.splitlines()))
    except csv.Error:
        return {}
    if not lines or tuple(lines[0][: len(COLUMNS)]) != COLUMNS:
        return {}
    found: Epochs = {}
    for line in lines[1:]:
        try:
            run, epoch, loss, accuracy = line[0], int(line[1]), float(line[2]), float(line[3])
        except (IndexError, ValueError):
            return {}
        if not (math.isfinite(loss) and math.isfinite(accuracy)):
            return {}
        found.setdefault(run, []).append((epoch, loss, accuracy))
    return found
