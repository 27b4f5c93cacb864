"""An audit for a browser: one file that needs no network, on a phone, a screen or paper.

Knows HTML and thumbnails. Photos that are shown are decoded once more, a few hundred at most, so
that the audit itself need not keep pictures of a set of any size.
"""

from __future__ import annotations

import base64
import io
from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from figsight.audit.sections import write_sections
from figsight.audit.text import class_line, headline
from figsight.dataset.names import printable
from figsight.errors import PhotoError
from figsight.files import written_whole
from figsight.images import decode, shrink
from figsight.pages import begin_page, check_page
from figsight.phrases import count

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from figsight.audit.results import Audit
    from figsight.audit.sections import Entry, Section
    from figsight.dataset.model import Photo

THUMBNAIL = 176  # pixels of the longer side
SHOWN = 24  # findings of a kind that are shown with their photos
ACROSS = 6  # photos of one finding
LISTED = 1000  # findings of a kind that are named at all; the JSON has all of them

_STYLE = """\
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #d9dee3;
  --paper: #fff; --card: #f6f8fa; --grave: #b3261e; --bar: #4a7fb5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ae; --line: #353b42;
  --paper: #14171a; --card: #1d2126; --grave: #ff8a80; --bar: #6ea3d8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 4rem; max-width: 68rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 2.25rem 0 .25rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
p { margin: .25rem 0 .75rem; max-width: 44rem; }
.soft, small, figcaption { color: var(--soft); }
.grave { color: var(--grave); }
nav { display: flex; flex-wrap: wrap; gap: .4rem; margin: 1rem 0 0; }
nav a { padding: .2rem .7rem; border: 1px solid var(--line); border-radius: 1rem; color: inherit;
  text-decoration: none; font-size: .875rem; background: var(--card); }
nav a.grave { border-color: currentColor; color: var(--grave); }
.findings { display: grid; gap: .75rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); }
.findings.groups { grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.finding { display: flex; flex-wrap: wrap; gap: .5rem 1rem; padding: .5rem; border-radius: .5rem;
  border: 1px solid var(--line); background: var(--card); break-inside: avoid; }
figure { flex: 1 1 7.5rem; min-width: 0; margin: 0; font-size: .8125rem; line-height: 1.35; }
figure:not(:only-child) { max-width: calc(50% - .5rem); }
figure img, .gone { display: block; width: 100%; height: 9rem; object-fit: contain;
  background: var(--paper); border-radius: .25rem; }
.gone { display: grid; place-items: center; text-align: center; padding: .5rem; }
figcaption { margin-top: .25rem; }
figcaption b { display: block; color: var(--ink); font-weight: 600; }
.more { flex: 1 0 100%; }
ul { margin: .5rem 0; padding-left: 1.1rem; font-size: .875rem; }
summary { cursor: pointer; margin-top: .75rem; }
table { border-collapse: collapse; width: 100%; max-width: 44rem; font-size: .875rem; }
th, td { text-align: left; padding: .15rem .5rem .15rem 0; vertical-align: middle;
  font-weight: 400; }
th { width: 45%; }
td:nth-child(2) { text-align: right; width: 4.5rem; font-variant-numeric: tabular-nums; }
td i { display: block; height: .7rem; min-width: 1px; background: var(--bar); border-radius: 2px;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb;
  --paper: #fff; --card: #fff; --grave: #900; } body { max-width: none; padding: 0;
  font-size: 10pt; } nav { display: none; } h2, .soft { break-after: avoid; }
  figure img, .gone { height: 3cm; }
  @supports selector(::details-content) {
    details::details-content { content-visibility: visible; display: block; height: auto; }
    summary { list-style: none; } summary::-webkit-details-marker { display: none; } } }
"""


def write_page(audit: Audit, path: str | os.PathLike[str]) -> None:
    """Write an audit as one HTML file: whole, or not at all.

    Args:
        audit: What was found. Its photos must still be where they were.
        path: Where to; a page that figsight wrote before is replaced.

    Raises:
        OutputError: As ``check_page``; or the file cannot be written.
    """
    with (
        written_whole(check_page(path)) as part,
        part.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.writelines(_page(audit))


def _page(audit: Audit) -> Iterator[str]:
    """Yield the page piece by piece: it is never in memory as a whole."""
    title = f"Audit of {printable(audit.dataset.name)}"
    sections = write_sections(audit)
    yield begin_page(escape(title), _STYLE)
    yield f"<h1>{escape(title)}</h1>\n<p>{escape(headline(audit, 'in red'))}</p>\n"
    yield "<nav>"
    for section in sections:
        kind = ' class="grave"' if section.grave else ""
        yield f'<a{kind} href="#{section.key}">{escape(section.title)}</a>'
    yield '<a href="#classes">figures</a></nav>\n'
    for section in sections:
        yield from _section(section)
    yield from _classes(audit)
    if audit.notes:
        yield "<h2>Notes</h2>\n<ul>"
        yield from (f"<li>{escape(printable(note, 1000))}</li>" for note in audit.notes)
        yield "</ul>\n"
    yield "</body>\n</html>\n"


def _section(section: Section) -> Iterator[str]:
    kind = ' class="grave"' if section.grave else ""
    yield (
        f'<section id="{section.key}">\n<h2{kind}>{escape(section.heading)}</h2>\n'
        f'<p class="soft">{escape(section.advice)}</p>\n'
    )
    entries = section.entries
    shown = [entry for entry in entries[:SHOWN] if entry.photos]
    if shown:
        groups = " groups" if any(len(entry.photos) > 1 for entry in shown) else ""
        yield f'<div class="findings{groups}">\n'
        for entry in shown:
            yield from _finding(entry)
        yield "</div>\n"
    rest = entries[len(shown) : len(shown) + LISTED]
    if rest:
        lines = "".join(f"<li>{escape(printable(entry.text, 1000))}</li>" for entry in rest)
        left = len(entries) - len(shown) - len(rest)
        more = f"<p>And {left:,} more: see the JSON.</p>" if left else ""
        body = f"<ul>{lines}</ul>{more}"
        if shown:
            body = f"<details><summary>{len(entries) - len(shown):,} more</summary>{body}</details>"
        yield f"{body}\n"
    yield "</section>\n"


def _finding(entry: Entry) -> Iterator[str]:
    yield '<div class="finding">'
    for photo, what in _choose(entry.photos):
        lines = [escape(printable(line, 200)) for line in what.splitlines()]
        caption = "".join(f"<b>{line}</b>" for line in lines)
        yield (
            f"<figure>{_picture(photo)}<figcaption>{caption}{_path(photo)}</figcaption></figure>"
        )
    if len(entry.photos) > ACROSS:
        yield f'<small class="more">and {count(len(entry.photos) - ACROSS, "more photo")}</small>'
    yield "</div>\n"


def _choose(photos: Sequence[tuple[Photo, str]]) -> list[tuple[Photo, str]]:
    """Return the photos of a finding that are shown: of each label, or split, one before the next."""
    turns = Counter[str]()
    order = []
    for number, (_, what) in enumerate(photos):
        order.append((turns[what], number))
        turns[what] += 1
    return [photos[number] for number in sorted(number for _, number in sorted(order)[:ACROSS])]


def _path(photo: Photo) -> str:
    """Return a path that breaks between its parts."""
    return escape(printable(photo.path, 200)).replace("/", "/<wbr>")


def _picture(photo: Photo) -> str:
    """Return a photo as an ``img`` that holds its own bytes."""
    try:
        image = Image.fromarray(shrink(decode(photo.read(), name=photo.path), THUMBNAIL))
    except PhotoError as error:
        # It could be decoded a moment ago: it is gone, or was changed in between.
        return f'<span class="gone">{escape(printable(error.reason, 200))}</span>'
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    size = f'width="{image.width}" height="{image.height}"'
    alt = escape(printable(photo.path, 200))
    return f'<img alt="{alt}" {size} src="data:image/jpeg;base64,{data}">'


def _classes(audit: Audit) -> Iterator[str]:
    sizes = sorted(audit.findings.classes, key=lambda size: -size.photos)
    most = max((size.photos for size in sizes), default=1) or 1
    yield f'<section id="classes">\n<h2>Figures</h2>\n<p>{escape(class_line(audit))}</p>\n<table>'
    for size in sizes[:LISTED]:
        shots = f" ({size.shots:,})" if size.shots != size.photos else ""
        yield (
            f"<tr><th>{escape(printable(size.name))}</th><td>{size.photos:,}{shots}</td>"
            f'<td><i style="width:{100 * size.photos / most:.1f}%"></i></td></tr>\n'
        )
    yield "</table>\n"
    if any(size.shots != size.photos for size in sizes):
        yield '<p class="soft">In brackets: with copies of one shot counted once.</p>\n'
    if len(sizes) > LISTED:
        yield f"<p>And {len(sizes) - LISTED:,} smaller ones: see the JSON.</p>\n"
    yield "</section>\n"
