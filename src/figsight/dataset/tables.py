"""Tables that say which photo shows what: CSV files, and the names people give to their columns.

Knows bytes, columns and cells. Does not know whether a photo exists; see ``indexing`` for that.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from figsight.dataset.names import composed, few, printable
from figsight.errors import DataError
from figsight.images import is_picture_name

if TYPE_CHECKING:
    from figsight.dataset.model import Split

MAX_TABLE_BYTES = 64 * 2**20
MAX_ROWS = 500_000  # as many as a zip may have members; each becomes a kilobyte
MAX_CELLS = 20_000_000
TABLE_SUFFIXES = (".csv", ".tsv")

SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}

# In the order of preference; compared in lower case, with every run of other signs as "_".
_KNOWN = {
    "path": "path file_path filepath file file_name filename image_path imagepath image_file "
    "image_name image img_path img_name img picture photo",
    "label": "label labels class_id classid class label_id target category_id category figure_id "
    "figure species breed class_name classname label_name",
    "split": "split subset partition train_valid train_val train_test phase data_split",
    "group": "group group_id patient patient_id subject subject_id session session_id",
    "name": "minifigure_name display_name figure_name class_name classname label_name "
    "category_name name",
}

_NAMED_DELIMITER = re.compile(r'"?sep=(?P<sign>[^\w\r\n" ])"?(?P=sign)*(?=[\r\n]|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns that matter; ``None`` for one to be found, or that is not there."""

    path: str | None = None
    label: str | None = None
    split: str | None = None
    group: str | None = None
    name: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, column.name) is not None for column in fields(self))


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text.

    Attributes:
        name: What it is called in messages.
        header: The names of its columns, without surrounding blanks; may be ``""``.
        rows: The line number (where the row ends) and the cells of each row, as many as columns.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def cells(self, column: str) -> list[str]:
        """Return one column, in the order of the rows."""
        index = self.header.index(column)
        return [cells[index] for _, cells in self.rows]


@dataclass(frozen=True, slots=True)
class Row:
    """What a table says of one photo. ``path`` is as written, relative to the table; names are NFC."""

    line: int
    path: str
    label: str
    split: Split | None
    group: str | None
    name: str | None


def parse_table(data: bytes, name: str) -> Table:
    """Read a CSV: UTF-8 (with or without BOM), else cp1252; separated by comma, semicolon or tab.

    Lines may end as on any system. A first line ``sep=;``, as Excel writes and reads it, names the
    delimiter, which may then be any sign.

    Args:
        data: The bytes of the file.
        name: What to call it in messages.

    Raises:
        DataError: It is no text, has no header, a row with another number of cells, or too many rows.
    """
    name = printable(name)
    text = _decode(data, name)
    named = _NAMED_DELIMITER.match(text)
    if named:
        delimiter = named["sign"]
        text = text[named.end() :]  # its line stays, empty, so that the others keep their numbers
    else:
        first_line = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0][:100_000]
        delimiter = max(",;\t", key=lambda sign: _rank(first_line, sign))
    if text.count(delimiter) > MAX_CELLS:
        raise DataError(
            f"{name}: expected at most {MAX_CELLS:,} cells in a table, found more; leave out columns"
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: tuple[str, ...] | None = None
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            stripped = tuple(cell.strip() for cell in cells)
            if header is None:
                header = stripped
            elif len(stripped) != len(header):
                raise DataError(
                    f"{name}, line {reader.line_num}: expected {len(header)} cells as in the "
                    f"header, found {len(stripped)}; quote cells that hold a {delimiter!r}"
                )
            else:
                if len(rows) == MAX_ROWS:
                    raise DataError(
                        f"{name}: expected at most {MAX_ROWS:,} photos in a table, found more rows; "
                        "take some out"
                    )
                rows.append((reader.line_num, stripped))
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: not a CSV table: {error}") from error
    if header is None:
        raise DataError(f"{name}: expected a table with a header line, found an empty file")
    return Table(name, header, tuple(rows))


def _decode(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}: expected text in UTF-8 or cp1252, found other bytes; save it as CSV UTF-8"
            ) from error
    if "\0" in text:
        raise DataError(
            f"{name}: expected text in UTF-8 or cp1252, found zero bytes; save it as CSV UTF-8"
        )
    return text


def _rank(line: str, delimiter: str) -> tuple[int, int]:
    """Return how much a header looks like one with this delimiter: known columns, then columns."""
    cells = next(csv.reader([line], delimiter=delimiter), [])
    known = {word for words in _KNOWN.values() for word in words.split()}
    return sum(_plain(cell) in known for cell in cells), len(cells)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def find_columns(table: Table, wanted: Columns) -> Columns:
    """Return the columns to use: those that are named, else those with well-known names.

    Raises:
        DataError: A named column, or the path or label column, is not there; or the header is not.
    """
    found: dict[str, str | None] = {}
    plain: dict[str, str] = {}
    for column in table.header:
        plain.setdefault(_plain(column), column)
    for role, words in _KNOWN.items():
        named = getattr(wanted, role)
        if named is not None and named not in table.header:
            _require_header(table)
            raise DataError(
                f"{table.name}: expected a column {printable(named)!r}, found {_listed(table)}"
            )
        free = [plain[word] for word in words.split() if word in plain]
        # A column that says the class is not also its name: "class_name" alone is the label.
        taken = {named for named in found.values() if named}
        taken |= {getattr(wanted, column.name) for column in fields(wanted)} - {None}
        found[role] = named or next((column for column in free if column not in taken), None)
        if found[role] is None and role in {"path", "label"}:
            _require_header(table)
            given = [other.name for other in fields(wanted) if getattr(wanted, other.name) in free]
            if given:
                raise DataError(
                    f"{table.name}: expected a {role} column, found {free[0]!r} named with "
                    f"--{given[0]}-column; name another there, or the {role} column with --{role}-column"
                )
            raise DataError(
                f"{table.name}: no {role} column among {_listed(table)}; name it with "
                f"{role}_column (--{role}-column)"
            )
        if found[role] is not None and table.header.count(found[role]) > 1:
            raise DataError(f"{table.name}: two columns are called {found[role]!r}; rename one")
    return Columns(**found)


def _require_header(table: Table) -> None:
    """Raise if what stands where the header should is a photo."""
    if any(is_picture_name(cell) for cell in table.header):
        raise DataError(
            f"{table.name}: expected a header line such as path,label, found a photo in the first "
            f"line: {few([repr(cell) for cell in table.header])}; write the header line above it"
        )


def _listed(table: Table) -> str:
    return f"the columns {few([repr(column) for column in table.header], 12)}"


def read_rows(table: Table, columns: Columns) -> list[Row]:
    """Return what a table says of each photo.

    Args:
        table: The table.
        columns: As ``find_columns`` returns them.

    Raises:
        DataError: A path or label is empty, or a split is none of train, val and test.
    """
    index = {
        role: table.header.index(column)
        for role in _KNOWN
        if (column := getattr(columns, role)) is not None
    }
    rows = []
    for line, cells in table.rows:
        cell = {role: cells[position] for role, position in index.items()}
        for role in ("path", "label"):
            if not cell[role]:
                raise DataError(
                    f"{table.name}, line {line}: the {role} is empty; fill it in or remove the row"
                )
        split = cell.get("split", "").casefold()
        if split and split not in SPLITS:
            raise DataError(
                f"{table.name}, line {line}: expected train, val or test in the column "
                f"{columns.split!r}, found {printable(split)!r}"
            )
        label, group, name = (composed(cell.get(role, "")) for role in ("label", "group", "name"))
        rows.append(Row(line, cell["path"], label, SPLITS.get(split), group or None, name or None))
    return rows
