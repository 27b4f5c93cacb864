"""The layout of the Kaggle set of LEGO minifigures, in both its published forms.

- ``index.csv`` (path, class_id) and ``metadata.csv``, and perhaps ``test.csv``, whose photos are
  the test split.
- The older ``index.csv``: an unnamed first column (the row number), and ``train-valid`` for the
  split.

``metadata.csv`` gives each class_id the figure's name and the sets that it came in, as Python
lists: ``[76115]``, ``['Spider Mech vs. Venom']``. Knows these files; not folders, not pictures.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from figsight.dataset.model import Figure
from figsight.dataset.names import composed, printable
from figsight.errors import DataError

if TYPE_CHECKING:
    from figsight.dataset.tables import Table

INDEX = "index.csv"
METADATA = "metadata.csv"
TEST = "test.csv"

_LONGEST_LIST = 10_000  # characters


def is_metadata(table: Table) -> bool:
    """Whether a table is the metadata of this layout, and not somebody else's ``metadata.csv``."""
    return {"class_id", "minifigure_name"} <= set(table.header)


def read_figures(table: Table) -> dict[str, Figure]:
    """Return the figures of ``metadata.csv`` by id.

    ``Figure.metadata`` holds ``sets`` (names) and ``set_numbers``, several joined by ``", "``.

    Raises:
        DataError: A class_id stands there twice.
    """
    sets = _column(table, "lego_names", "lego_name")
    numbers = _column(table, "lego_ids", "lego_id")
    columns = (table.cells("class_id"), table.cells("minifigure_name"), sets, numbers)
    figures: dict[str, Figure] = {}
    for written, name, in_sets, in_numbers in zip(*columns, strict=True):
        figure_id = composed(written)
        if figure_id in figures:
            raise DataError(
                f"{table.name}: the class_id {printable(figure_id)!r} stands there twice; "
                f"remove one of the rows"
            )
        found = {"sets": _joined(in_sets), "set_numbers": _joined(in_numbers)}
        metadata = {key: value for key, value in found.items() if value}
        line = " ".join(name.split()) or figure_id
        figures[figure_id] = Figure(figure_id, line, line, metadata)
    return figures


def _column(table: Table, *names: str) -> list[str]:
    for name in names:
        if name in table.header:
            return table.cells(name)
    return [""] * len(table.rows)


def _joined(text: str) -> str:
    """Return a Python list of names as plain text; other text as it is."""
    if not text.startswith("[") or len(text) > _LONGEST_LIST:
        return text
    try:
        values = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text  # not a list after all: it is a name for people, so nothing is lost
    return ", ".join(str(value) for value in values)
