r"""Which font draws a text, and how the text is broken to fit a width.

Knows fonts, characters and widths in pixels. Does not draw.

No text is ever drawn with empty boxes (the glyph that fonts show for what they lack). The font is
the first of these that holds every character: Pillow's own (Aileron; plain English), then the
well-known ones in ``FONTS``, wherever the system keeps them, and the DejaVu that comes with
matplotlib. Where none does, the one that lacks least is taken, and a missing letter with accents
becomes the letter (``é`` is drawn as ``e``), any other its escape (``\u4e2d``).
The escape is ugly but says which character it was. Emoji are drawn in one colour, where a font holds
them; where none does they are left out beside letters, which say more than an emoji's escape.
"""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from PIL import ImageFont, features

FONTS = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",  # macOS
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "segoeui.ttf",  # Windows
    "msyh.ttc",
    "NotoSansCJK-Regular.ttc",  # Linux
    "NotoSansCJKsc-Regular.otf",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "FreeSans.ttf",
    "arial.ttf",
)
_SAMPLE_SIZE = 20  # Pixels; only to compare the shapes of glyphs.
_JOINERS = "\u200c\u200d"
_EMOJI_PARTS = "\u200d\ufe0e\ufe0f\u20e3"  # joined, as a text, as a picture, on a key


class Lettering(NamedTuple):
    """A text that is ready to be drawn.

    Attributes:
        font: The font, at its size.
        rows: The rows, top to bottom; every character of them has a glyph in ``font``.
    """

    font: ImageFont.FreeTypeFont
    rows: tuple[str, ...]


@lru_cache(maxsize=256)
def load_font(name: str | None, size: int) -> ImageFont.FreeTypeFont | None:
    """Return the font of this file name (``None``: Pillow's own), or ``None`` if there is none.

    Args:
        name: A name out of ``FONTS``, looked for in the folders where systems keep fonts.
        size: Pixels.
    """
    if name is None:
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):  # pragma: no cover
            raise RuntimeError(
                "expected a Pillow with FreeType, found one without; reinstall pillow"
            )
        return font
    for place in (name, _beside_matplotlib(name)):
        try:
            return ImageFont.truetype(place, size)
        except OSError:
            continue  # Not on this machine, which is what we came to learn.
    return None


def _beside_matplotlib(name: str) -> str:
    found = importlib.util.find_spec("matplotlib")  # finds it without importing it
    if found is None or not found.submodule_search_locations:
        return name
    return str(Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf" / name)


@lru_cache(maxsize=16384)
def has_glyph(name: str | None, character: str) -> bool:
    """Whether this font draws this character, as something else than its box for "missing"."""
    if character.isspace() or character in _JOINERS:
        return True
    if not _can_shape() and _needs_shaping(character):
        return False
    font = load_font(name, _SAMPLE_SIZE)
    if font is None:
        return False
    drawn, missing = (font.getmask(sample) for sample in (character, "\U0010ffff"))
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)


@lru_cache(maxsize=1)
def _can_shape() -> bool:
    return bool(features.check("raqm") and features.check("fribidi"))


def _needs_shaping(character: str) -> bool:
    # Drawn letter by letter from the left these scripts come out wrong: worse than escaped.
    return unicodedata.bidirectional(character) in ("R", "AL") or (
        unicodedata.category(character) == "Mc"
    )


def clean(text: str) -> str:
    """Return the text on one line, composed (NFC), control and unassigned characters escaped."""
    text = text.replace("\u202f", "\u00a0")
    text = re.sub(r"[^\S\u00a0]+", " ", unicodedata.normalize("NFC", text)).strip(" ")
    return "".join(_escape(c) if _is_control(c) else c for c in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character)[0] == "C" and character not in _JOINERS


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


@lru_cache(maxsize=4096)
def choose_font(text: str) -> tuple[str | None, str]:
    """Return the name of the font for a text, and the text with what it lacks replaced.

    Args:
        text: Any text; it is put through ``clean`` first.

    Returns:
        The name (``None``: Pillow's own font) and the text, each character of which it can draw.
    """
    text = clean(text)
    best: str | None = None
    fewest = len(text) + 1
    for name in (None, *FONTS):
        missing = sum(not has_glyph(name, c) for c in text)
        if missing < fewest:
            best, fewest = name, missing
        if missing == 0:
            break
    if missing and any(c.isalpha() for c in text):
        kept = clean("".join("" if _is_lost_emoji(best, c) else c for c in text))
        text = kept if kept == text else re.sub(r" +(?=[,;:)])", "", kept)
    return best, "".join(_replace(best, c) for c in text)


def _is_lost_emoji(name: str | None, character: str) -> bool:
    if has_glyph(name, character) and character not in _EMOJI_PARTS:
        return False
    kind = unicodedata.category(character)
    return character in _EMOJI_PARTS or (kind in ("So", "Sk") and character > "\u2190")


def _replace(name: str | None, character: str) -> str:
    if has_glyph(name, character):
        return character
    base = unicodedata.normalize("NFKD", character)[0]
    return base if base.isalpha() and has_glyph(name, base) else _escape(character)


def fit_text(text: str, size: int, width: float, rows: int) -> Lettering:
    """Break a text into rows that fit; if there are too many, leave out its middle.

    The middle, because a name with its probability behind it must not lose the probability, and
    long names differ at their ends as often as at their beginnings. A row breaks at a space, not at
    a no-break space, and within a word only where the word alone is too wide.

    Args:
        text: Any text.
        size: Pixels of the font.
        width: Pixels that a row may take. A single character is drawn even if it is wider.
        rows: At most so many rows, at least 1.

    Returns:
        The rows and their font.
    """
    name, text = choose_font(text)
    font = load_font(name, size)
    if font is None:  # pragma: no cover
        raise RuntimeError(f"the font {name} was there a moment ago")
    found = _wrap(text, font, width)
    if len(found) <= rows:
        return Lettering(font, _unglue(found))
    ellipsis = "\u2026" if has_glyph(name, "\u2026") else "..."
    low, high = 0, len(text) - 1  # how many characters may stay
    best = [ellipsis]
    while low <= high:
        stay = (low + high) // 2
        found = _wrap(_without_middle(text, stay, ellipsis), font, width)
        if len(found) <= rows:
            best, low = found, stay + 1
        else:
            high = stay - 1
    return Lettering(font, _unglue(best))


def _without_middle(text: str, stay: int, ellipsis: str) -> str:
    end = stay * 9 // 20
    last = text.rpartition(" ")[2]
    if "\u00a0" in last and end < len(last):  # a number: a part of it would be another
        end = len(last) if len(last) <= stay else 0
    start = stay - end
    # An accent must not lose its letter: it would sit on the ellipsis.
    while end and unicodedata.combining(text[-end]):
        end -= 1
    return text[:start].rstrip() + ellipsis + (text[-end:].lstrip() if end else "")


def _unglue(rows: list[str]) -> tuple[str, ...]:
    return tuple(row.replace("\u00a0", " ") for row in rows)  # not every font has a no-break space


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    rows: list[str] = []
    row = ""
    for word in text.split(" "):
        longer = f"{row} {word}" if row else word
        if font.getlength(longer) <= width:
            row = longer
            continue
        if row:
            rows.append(row)
        *full, row = _split_word(word, font, width)
        rows.extend(full)
    return [*rows, row]


def _split_word(word: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    pieces = [""]
    for character in word:
        fits = font.getlength(pieces[-1] + character) <= width
        if fits or not pieces[-1] or unicodedata.combining(character):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces
