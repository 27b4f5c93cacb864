"""HTML as text: the few forms that a report is made of.

Every text from outside goes through ``text``: names of files and figures are whatever somebody
called them. Knows HTML. Does not know what is reported.
"""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from figsight.dataset.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def text(value: object, longest: int = 160) -> str:
    """Return anything as text that stays text inside an element or a quoted attribute."""
    return escape(printable(value, longest))


def name(value: object, longest: int = 160) -> str:
    """Return a name from outside; one that is written from right to left turns nothing else."""
    return f"<bdi>{text(value, longest)}</bdi>"


def path(value: object, longest: int = 300) -> str:
    """Return a file's path, which may be broken after its slashes."""
    return name(value, longest).replace("/", "/<wbr>").replace("</<wbr>bdi>", "</bdi>")


def section(key: str, title: str, *body: str, lead: str = "") -> str:
    """Return a section; ``title`` is our own words, ``body`` is HTML, ``lead`` words before it."""
    opening = f'<p class="soft">{escape(lead)}</p>\n' if lead else ""
    return (
        f'<section id="{key}">\n<h2>{escape(title)}</h2>\n{opening}'
        + "\n".join(body)
        + "\n</section>\n"
    )


def paragraph(words: str, kind: str = "") -> str:
    """Return a paragraph of our own words (with numbers in them)."""
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{escape(words)}</p>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table in a box that scrolls sideways where it is too wide.

    Args:
        heads: Column heads, words.
        rows: Cells, HTML; the first of a row is its head.
        kind: A class for it.
    """
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "\n".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def image(data: bytes, alt: str) -> str:
    """Return a JPEG whose bytes are in the page."""
    uri = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return f'<img src="{uri}" alt="{text(alt)}" loading="lazy">'
