"""How the HTML pages of figsight begin, and what tells them from others.

Knows the head of a page. Does not know what stands in it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from figsight.files import check_output

if TYPE_CHECKING:
    import os
    from pathlib import Path

# Nothing is fetched and nothing runs, whatever got into the page.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
_SAFETY = '<meta http-equiv="Content-Security-Policy" content="{}">\n<title>'
_FIRST = '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
_MARKED = f'{_FIRST}<meta name="generator" content="figsight">\n'
# Earlier versions left no mark; nobody else's page begins like theirs.
_EARLIER = [f"{_FIRST}{_VIEWPORT}{_SAFETY.format(one)}" for one in (_POLICY, escape(_POLICY))]
_OPENINGS = tuple(opening.encode() for opening in (_MARKED, *_EARLIER))


def check_page(path: str | os.PathLike[str]) -> Path:
    """Return where a page is to be written, before the work that it will show is begun.

    Raises:
        OutputError: It is no name of an HTML file, the folder is missing, or something else than a
            page written by figsight is there.
    """
    return check_output(path, (".html", ".htm"), _is_ours, "a page that figsight wrote")


def begin_page(title: str, style: str) -> str:
    """Return a page up to the beginning of its body.

    Args:
        title: As HTML.
        style: As CSS.
    """
    return (
        f"{_MARKED}{_VIEWPORT}{_SAFETY.format(_POLICY)}{title}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n"
    )


def _is_ours(ends: bytes) -> bool:
    return ends.startswith(_OPENINGS)
