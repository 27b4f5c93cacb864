"""What figures and files are called: natural order, names that tell figures apart, safe messages.

Knows text only. Does not know files, tables or pictures.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from figsight.dataset.model import Figure

_DIGITS = re.compile(r"([0-9]+)")


def composed(text: str) -> str:
    """Return a name as figures are compared by: macOS writes accents apart, Linux in one with letters."""
    return unicodedata.normalize("NFC", text)


def natural_key(text: str) -> tuple[tuple[tuple[int, str], ...], str]:
    """Return the key that sorts text with its numbers as numbers: "2" before "10".

    Upper and lower case sort together; the text itself decides between equals ("1" and "01").
    Numbers are compared by length and digits, so that they may be of any length.
    """
    parts = _DIGITS.split(text.casefold())
    # Text and numbers alternate, text first, so a text is only ever compared with a text.
    for position in range(1, len(parts), 2):
        parts[position] = parts[position].lstrip("0")
    lengths = [len(part) if position % 2 else 0 for position, part in enumerate(parts)]
    return tuple(zip(lengths, parts, strict=True)), text


def with_displays(figures: Iterable[Figure]) -> tuple[Figure, ...]:
    """Return the figures, sorted by id, each with a display that no other figure has.

    The display is the name. Namesakes get the first of these that tells all of them apart in
    brackets: the name of the set (``metadata["sets"]``), its number (``metadata["set_numbers"]``),
    the figure's id. A display that another figure already has falls back to the id, and at the very
    last to a number.

    Args:
        figures: Figures with distinct ids. Their ``display`` is ignored.

    Returns:
        The same figures with ``display`` set, sorted by id (numbers as numbers). It depends neither
        on the order given nor on anything outside ``figures``.
    """
    ordered = sorted(figures, key=lambda figure: natural_key(figure.id))
    copies = Counter(figure.name for figure in ordered)
    taken = {name for name, number in copies.items() if number == 1}
    suffixes = {
        name: _telling_suffixes([figure for figure in ordered if figure.name == name])
        for name, number in copies.items()
        if number > 1
    }
    result = []
    for figure in ordered:
        display = figure.name
        if copies[figure.name] > 1:
            candidates = _candidates(figure, suffixes[figure.name][figure.id])
            display = next(text for text in candidates if text not in taken)
            taken.add(display)
        result.append(replace(figure, display=display))
    return tuple(result)


def _telling_suffixes(namesakes: Sequence[Figure]) -> dict[str, str]:
    """Return, by id, what tells figures of one name apart."""
    for key in ("sets", "set_numbers"):
        values = [figure.metadata.get(key, "") for figure in namesakes]
        if all(values) and len(set(values)) == len(values):
            break
    else:
        values = [figure.id for figure in namesakes]
    return {figure.id: value for figure, value in zip(namesakes, values, strict=True)}


def _candidates(figure: Figure, suffix: str) -> Iterator[str]:
    yield f"{figure.name} ({suffix})"
    yield f"{figure.name} ({figure.id})"
    for number in count(2):
        yield f"{figure.name} ({figure.id}, {number})"


def find_alike(figures: Iterable[Figure]) -> tuple[tuple[Figure, ...], ...]:
    """Return the figures whose ids differ only in case or spaces, those that are alike together."""
    alike: defaultdict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        alike["".join(figure.id.casefold().split())].append(figure)
    return tuple(tuple(those) for those in alike.values() if len(those) > 1)


def is_called_unknown(figure: Figure) -> bool:
    """Whether people cannot tell a figure from the answer that a photo is of none."""
    return figure.display.strip().casefold() == "unknown"


def printable(text: object, longest: int = 120) -> str:
    """Return text from outside as it may stand in a one-line message: no control characters.

    Spaces of every width stay what they are: we write no-break spaces between a number and its unit.

    Args:
        text: Anything.
        longest: Characters above which the middle is left out.
    """
    line = "".join(c if _may_stand(c) else repr(c)[1:-1] for c in str(text))
    half = longest // 2
    return line if len(line) <= longest else f"{line[:half]}...{line[-half:]}"


def _may_stand(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def few(items: Sequence[object], most: int = 3) -> str:
    """Return the first items as text: ``"a, b, c and 9 more"``."""
    shown = ", ".join(printable(item) for item in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"
