"""Text that stays plain inside Markdown and YAML, whatever it is made of.

Knows Markdown, tables, YAML's quotes. Does not know what is said. Figures are named by whoever
labelled the photos: a name cannot become a heading, a link, HTML or a YAML key.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:@^=])")
_JOINERS = "\u200c\u200d"  # inside words of some scripts, and between the parts of emoji


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; the cells are Markdown already."""
    above, *below = (f"| {' | '.join(cells)} |\n" for cells in (head, *rows))
    return above + "|---" * len(head) + "|\n" + "".join(below)


def one_line(text: str) -> str:
    """Put a text on one line; what cannot be printed becomes a question mark."""
    line = " ".join(text.split())
    return "".join(c if _is_shown(c) else "\ufffd" for c in line)


def _is_shown(character: str) -> bool:
    # Spaces of all kinds are: a no-break space holds a number to its percent sign.
    return character.isprintable() or character in _JOINERS or category(character) == "Zs"


def escape(text: str) -> str:
    """Make a text plain inside Markdown, table cells included."""
    html = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", html)


def code(text: str) -> str:
    """Make a text a code span."""
    return "`" + one_line(text).replace("`", "'") + "`"


def quote(text: str) -> str:
    """Make a text a double-quoted scalar of YAML; JSON strings of printable text are such."""
    return json.dumps(one_line(text), ensure_ascii=False)
