from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from figsight.errors import OutputError
from figsight.pages import begin_page, check_page

if TYPE_CHECKING:
    from pathlib import Path

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
EARLIER = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta http-equiv="Content-Security-Policy" content="{}">\n'
    "<title>Audit of photos</title>\n<style>\n:root {{}}\n</style>\n</head>\n<body>\n"
)


@pytest.mark.parametrize(
    "html",
    [
        begin_page("a title", "p {}"),
        EARLIER.format(POLICY),
        EARLIER.format(POLICY.replace("'", "&#x27;")),
        "",
    ],
)
def test_check_page__lets_our_own_pages_be_replaced(tmp_path: Path, html: str) -> None:
    path = tmp_path / "out.html"
    path.write_text(html)
    assert check_page(str(path)) == path


@pytest.mark.parametrize(
    "html",
    [
        "<!doctype html>\n<p>figsight\n",
        EARLIER.format("default-src 'self'"),
        f"<!-- {begin_page('a title', 'p {}')} -->",
        "\x00",
    ],
)
def test_check_page__lets_no_other_be_replaced(tmp_path: Path, html: str) -> None:
    path = tmp_path / "out.html"
    path.write_text(html)
    with pytest.raises(OutputError) as caught:
        check_page(path)
    assert str(caught.value) == (
        f"{path}: expected no file, or a page that figsight wrote, found another; choose another "
        "name, or remove it first"
    )
