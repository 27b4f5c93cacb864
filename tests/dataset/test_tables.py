from __future__ import annotations

import pytest

from figsight.dataset.tables import Columns, Row, find_columns, parse_table, read_rows
from figsight.errors import DataError


def _rows(data: str | bytes, columns: Columns | None = None) -> list[Row]:
    table = parse_table(data.encode() if isinstance(data, str) else data, "t.csv")
    return read_rows(table, find_columns(table, columns or Columns()))


def _error(data: str | bytes, columns: Columns | None = None) -> str:
    with pytest.raises(DataError) as caught:
        _rows(data, columns)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_parse_table__finds_the_delimiter(delimiter: str, ending: str) -> None:
    rows = [
        ["file name", "class", "patient id"],
        ['"a,b;c\t.jpg"', "7", " p1 "],
        [],
        ["d.jpg", "8", ""],
    ]
    text = ending.join(delimiter.join(cells) for cells in rows)
    assert _rows(text, Columns()) == [
        Row(2, "a,b;c\t.jpg", "7", None, "p1", None),
        Row(4, "d.jpg", "8", None, None, None),
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("first", "sign"),
    [
        ("sep=;", ";"),
        ("SEP=,", ","),
        ('"sep=;"', ";"),
        ("sep=|", "|"),
        ("sep=\t", "\t"),
        ("sep=;;", ";"),
    ],
)
def test_parse_table__takes_the_delimiter_that_the_first_line_names(
    first: str, sign: str, ending: str
) -> None:
    text = ending.join(
        [first, f"path{sign}label", f"a.jpg{sign}x,y;z" if sign not in ",;" else f"a.jpg{sign}x"]
    )
    table = parse_table(text.encode("utf-8-sig"), "t.csv")
    assert table.header == ("path", "label")
    assert [line for line, _ in table.rows] == [3]
    assert table.rows[0][1][0] == "a.jpg"


def test_parse_table__knows_a_column_called_sep() -> None:
    assert parse_table(b"sep,path,label\n1,a.jpg,x\n", "t.csv").header == ("sep", "path", "label")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_parse_table__reads_utf8_then_cp1252(encoding: str) -> None:
    table = parse_table("path,label\né.jpg,ü\n".encode(encoding), "t.csv")
    assert table.header == ("path", "label")
    assert table.rows == ((2, ("é.jpg", "ü")),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "t.csv: expected a table with a header line, found an empty file"),
        (
            b"path,label\n\xff\x81,1\n",
            "t.csv: expected text in UTF-8 or cp1252, found other bytes; save it as CSV UTF-8",
        ),
        (
            "path,label\n".encode("utf-16"),
            "t.csv: expected text in UTF-8 or cp1252, found zero bytes; save it as CSV UTF-8",
        ),
        (
            b"path,label\na.jpg,1\nb,c.jpg,1\n",
            (
                "t.csv, line 3: expected 2 cells as in the header, found 3; "
                "quote cells that hold a ','"
            ),
        ),
        (
            b'path,label\n"a.jpg,1\n',
            "t.csv, line 2: not a CSV table: unexpected end of data",
        ),
    ],
    ids=["empty", "bytes", "utf-16", "cells", "quote"],
)
def test_parse_table__refuses(data: bytes, message: str) -> None:
    assert _error(data) == message


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("path,class_id", Columns("path", "class_id")),
        (",path,class_id,train-valid", Columns("path", "class_id", "train-valid")),
        ("Image Path,Target,Split", Columns("Image Path", "Target", "Split")),
        ("filename,class_id,class_name", Columns("filename", "class_id", name="class_name")),
        ("filename,class_name", Columns("filename", "class_name")),
        ("label,image,patient_id,name", Columns("image", "label", None, "patient_id", "name")),
    ],
)
def test_find_columns__knows_usual_names(header: str, columns: Columns) -> None:
    assert find_columns(parse_table(header.encode(), "t.csv"), Columns()) == columns


def test_find_columns__prefers_the_named_ones() -> None:
    table = parse_table(b"path,label,truth,thumb", "t.csv")
    found = find_columns(table, Columns(path="thumb", label="truth"))
    assert found == Columns("thumb", "truth")


@pytest.mark.parametrize("option", ["group", "split"])
def test_find_columns__says_which_option_took_the_column_that_is_missing(option: str) -> None:
    assert _error("path,label\n1.png,a\n", Columns(**{option: "label"})) == (
        f"t.csv: expected a label column, found 'label' named with --{option}-column; name another "
        "there, or the label column with --label-column"
    )


def test_find_columns__lists_what_it_found() -> None:
    assert _error("path,species_of\n") == (
        "t.csv: no label column among the columns 'path', 'species_of'; "
        "name it with label_column (--label-column)"
    )
    assert _error("path,label\n", Columns(group="x")) == (
        "t.csv: expected a column 'x', found the columns 'path', 'label'"
    )
    assert _error("path,label,label\n") == "t.csv: two columns are called 'label'; rename one"


@pytest.mark.parametrize(
    ("first", "shown"), [("a/1.JPG,7", "'a/1.JPG', '7'"), ("7;x;a/1.png", "'7', 'x', 'a/1.png'")]
)
def test_find_columns__says_that_the_header_is_missing(first: str, shown: str) -> None:
    message = (
        "t.csv: expected a header line such as path,label, found a photo in the first line: "
        f"{shown}; write the header line above it"
    )
    assert _error(f"{first}\n") == message
    assert _error(f"{first}\n", Columns(path="where")) == message


@pytest.mark.parametrize(
    ("text", "split"),
    [("Train", "train"), ("valid", "val"), ("VALIDATION", "val"), ("test", "test"), ("", None)],
)
def test_read_rows__reads_splits(text: str, split: str | None) -> None:
    assert _rows(f"path,label,split\na.jpg,1,{text}\n")[0].split == split


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",1,", "t.csv, line 2: the path is empty; fill it in or remove the row"),
        ("a.jpg, ,", "t.csv, line 2: the label is empty; fill it in or remove the row"),
        (
            "a.jpg,1,fold3",
            "t.csv, line 2: expected train, val or test in the column 'split', found 'fold3'",
        ),
    ],
)
def test_read_rows__refuses(row: str, message: str) -> None:
    assert _error(f"path,label,split\n{row}\n") == message


def test_parse_table__stops_at_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figsight.dataset.tables.MAX_ROWS", 3)
    assert len(parse_table(b"path,label\n" + b"a.jpg,x\n" * 3, "t.csv").rows) == 3
    with pytest.raises(DataError) as caught:
        parse_table(b"path,label\n" + b"a.jpg,x\n" * 4 + b'"', "t.csv")
    assert str(caught.value) == (
        "t.csv: expected at most 3 photos in a table, found more rows; take some out"
    )


def test_parse_table__does_not_begin_with_too_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figsight.dataset.tables.MAX_CELLS", 3)
    with pytest.raises(DataError) as caught:
        parse_table(b"path,label\n" + b"a.jpg" + b"," * 9, "t.csv")
    assert str(caught.value) == (
        "t.csv: expected at most 3 cells in a table, found more; leave out columns"
    )
