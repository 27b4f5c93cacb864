"""A page of a report taken apart, and what every one must be."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


VOID = {"meta", "img", "br", "wbr"}


# Elements and attributes that our own pages consist of.
ELEMENTS = VOID | {
    *("html", "head", "title", "style", "body", "header", "main", "nav", "section", "article"),
    *("figure", "figcaption", "h1", "h2", "h3", "p", "ul", "li", "div", "span", "b", "i", "bdi"),
    *("table", "thead", "tbody", "tr", "th", "td", "small", "a", "abbr", "details", "summary"),
    *("pre", "svg", "g", "path", "defs", "use", "clippath", "rect", "text", "tspan"),
}


class Page(HTMLParser):
    """A page taken apart: elements in balance, texts, attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}>"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


def check_page(html: str) -> Page:
    """Hold a page against what every report must be."""
    page = Page(html)
    assert page.elements <= ELEMENTS, page.elements - ELEMENTS
    assert len(page.ids) == len(set(page.ids))
    for name, value in page.attributes:
        assert not name.startswith("on"), name
        if name in {"src", "href", "xlink:href", "srcset", "action", "data"}:
            assert value.startswith(("data:image/jpeg;base64,", "#")), value
    # Of addresses there are only the names of XML's vocabularies.
    assert set(re.findall(r"https?://[^\"' <]*", html)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "@import" not in html
    assert 'name="viewport" content="width=device-width' in html
    return page
