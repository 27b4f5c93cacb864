from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image
from tests.cli.make import call, refused

if TYPE_CHECKING:
    from pathlib import Path


def test_show__draws_examples(photos: Path, out: Path) -> None:
    result = call("show", photos, "-o", out / "x.png", "--each", "1")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"picture: {out / 'x.png'}\n"
    with Image.open(out / "x.png") as image:
        assert image.format == "PNG"
    assert refused("show", out / "none", "-o", out / "y.png").startswith("figsight: ")
    assert refused("show", photos, "-o", out / "no" / "y.png").startswith(
        f"figsight: {out / 'no' / 'y.png'}: expected an existing folder"
    )
    assert [path.name for path in out.iterdir()] == ["x.png"]


def test_show__reads_the_named_columns_of_a_csv(photos: Path, out: Path) -> None:
    table = photos / "list.csv"
    table.write_text("where,who\n1/0.png,ann\n2/0.png,bob\n")
    columns = ("--path-column", "where", "--label-column", "who")
    assert call("show", table, "-o", out / "x.png", *columns).exit_code == 0
    assert "nowhere" in refused("show", table, "-o", out / "y.png", "--path-column", "nowhere")


def test_show__draws_the_others_of_bad_photos(photos: Path, out: Path) -> None:
    (photos / "1/0.png").write_bytes(b"no picture")
    table = "path,label\n1/0.png,a\n1/1.png,a\n2/0.png,b\n2/gone.png,b\n"
    (photos / "list.csv").write_text(table)
    result = call("show", photos, "-o", out / "x.png")
    assert (result.exit_code, result.stdout) == (2, "")
    drawn, gone, bad = result.stderr.splitlines()
    assert drawn == f"picture: {out / 'x.png'}"
    assert gone == "figsight: 2/gone.png: expected a file where the table says, found none"
    assert bad.startswith("figsight: 1/0.png: expected ")
    assert (out / "x.png").is_file()
