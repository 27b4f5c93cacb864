"""An audit in the order and the words in which people should read it: the worst first.

Knows what findings mean. Does not know where they will be read; ``text`` and ``page`` do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from figsight.dataset.names import few, printable
from figsight.images.formats import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from figsight.audit.results import Audit, OddPhoto, SuspectLabel
    from figsight.dataset.findings import ClassSize, Resemblance, Together
    from figsight.dataset.model import Photo


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding.

    Attributes:
        text: One line, with every file in it.
        photos: The photos concerned, each with what to write below it.
    """

    text: str
    photos: tuple[tuple[Photo, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """All findings of one kind.

    Attributes:
        key: Its key in the JSON.
        title: How many of what.
        advice: What it means, and what to do.
        entries: The worst first.
        grave: Whether it makes numbers wrong, rather than being worth a look.
    """

    key: str
    title: str
    advice: str
    entries: Sequence[Entry]
    grave: bool = False


def write_sections(audit: Audit) -> list[Section]:
    """Return the kinds of which something was found, the gravest first."""
    found = audit.findings
    names = {figure.id: figure.display for figure in audit.dataset.figures}

    def label(photo: Photo) -> str:
        return _short(names.get(photo.figure_id or "", "no label"))

    def split(photo: Photo) -> str:
        return photo.split or "no split"

    flagged = [one for one in audit.suspect_labels if one.suspect]
    spare = sum(len(one.photos) - 1 for one in found.duplicates)
    sections = [
        Section(
            "unreadable",
            f"{count(len(found.unreadable), 'picture')} cannot be decoded",
            "Training stops at these, or leaves them out with --skip-bad. Get the originals again.",
            [Entry(f"{_short(e.path)}: {printable(e.reason, 300)}") for e in found.unreadable],
            grave=True,
        ),
        Section(
            "label_conflicts",
            f"{count(len(found.label_conflicts), 'shot')} with copies under different labels",
            "The same picture cannot show two classes: one of the labels is wrong.",
            [_together(one, label) for one in found.label_conflicts],
            grave=True,
        ),
        Section(
            "leaks",
            f"{count(len(found.leaks), 'leak')} across the given splits",
            "Copies, or photos of one source group, lie in different splits: a score on one side "
            "counts what was learnt by heart on the other. Keep each group in one split.",
            [_together(one, split) for one in found.leaks],
            grave=True,
        ),
        Section(
            "suspect_labels",
            f"{count(len(flagged), 'label')} to check",
            "Classifiers that never saw these photos confidently take them for another class. "
            "An unusual photo looks like this, too: look before you change a label.",
            [_suspect(one) for one in flagged],
        ),
        Section(
            "mirror_images",
            f"{count(len(found.mirror_images), 'shot')} mirrored under another label",
            "Right where these classes differ by their side, as left and right do; else one of the "
            "labels is wrong. Photos are not mirrored while networks learn such classes.",
            [_together(one, label) for one in found.mirror_images],
        ),
        Section(
            "duplicates",
            f"{count(spare, 'file')} with the bytes of another file",
            "They teach nothing new. figsight keeps all copies on one side of every split.",
            [_together(one, label) for one in found.duplicates],
        ),
        Section(
            "near_duplicates",
            f"{count(len(found.near_duplicates), 'pair')} of near-duplicates",
            "One shot in two files: resized, recompressed, cropped a little, mirrored or relit. "
            "figsight keeps them on one side of every split.",
            [
                _near(pair, label)
                for pair in sorted(found.near_duplicates, key=lambda pair: -pair.score)
            ],
        ),
    ]
    # Unreadable pictures, and what else keeps a class from being learned, come first.
    sections[1:1] = _class_sections(audit)
    return [section for section in sections + _odd_sections(audit) if section.entries]


def _class_sections(audit: Audit) -> list[Section]:
    """Return what keeps a class from being learned or measured, whether or not it was found."""
    found = audit.findings
    shown = {size.id for size in found.classes if size.photos}
    n = len(found.unsupported)
    return [
        Section(
            "unsupported",
            f"{count(n, 'file is no picture', 'files are no pictures')} that figsight opens",
            f"They lie in class folders, and nothing sees them. Save them as {ACCEPTED}.",
            [Entry(_short(photo.path)) for photo in found.unsupported],
        ),
        Section(
            "untaught",
            f"{count(len(found.untaught), 'class', 'classes')} without a photo to learn from",
            "A model that is trained on this set will not know them.",
            [
                Entry(
                    f"{_short(one.display)}: "
                    + ("all photos in other splits" if one.id in shown else "no readable photo")
                )
                for one in found.untaught
            ],
            grave=any(one.id not in shown for one in found.untaught),
        ),
        Section(
            "scarce",
            f"{count(len(found.scarce), 'class', 'classes')} of a single shot",
            "Too few to learn from and be measured on: one shot cannot lie on both sides of a split. "
            "Training refuses a class with one photo, unless with --folds 0. Add photos.",
            [_scarce(size) for size in found.scarce],
            grave=True,
        ),
    ]


def _odd_sections(audit: Audit) -> list[Section]:
    """Return the kinds that are worth a look, whether or not something was found of each."""
    unlisted, tables = audit.findings.unlisted, audit.findings.tables
    why = f"Only what {few(tables)} lists is read" if tables else "No class folder holds it"
    return [
        Section(
            "blank",
            count(len(audit.blank), "blank photo"),
            "One tone from edge to edge: there is nothing to learn from.",
            [_odd(odd, "") for odd in audit.blank],
        ),
        Section(
            "dark",
            count(len(audit.dark), "very dark photo"),
            "Even the bright parts are near black.",
            [
                _odd(odd, f"bright parts at {odd.quality.highlight / 255:.0%} of white")
                for odd in audit.dark
            ],
        ),
        Section(
            "blurred",
            count(len(audit.blurred), "blurred photo"),
            "Their sharpest edges are soft even when the photo is shrunk to 256 pixels.",
            [_odd(odd, f"edges {odd.quality.blur:.1f} pixels soft") for odd in audit.blurred],
        ),
        Section(
            "odd_sizes",
            f"{count(len(audit.odd_sizes), 'photo')} of an odd size or shape",
            "Not like the rest of the set: perhaps thumbnails, screenshots or panoramas.",
            [_odd(odd, f"{odd.quality.width} x {odd.quality.height}") for odd in audit.odd_sizes],
        ),
        Section(
            "unlisted",
            f"{count(len(unlisted), 'picture')} that nothing labels",
            f"{why}: training does not see it.",
            [Entry(_short(photo.path), ((photo, ""),)) for photo in unlisted],
        ),
    ]


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Return ``"1 photo"``, ``"2 photos"``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {plural or f'{noun}s'}"


def _scarce(size: ClassSize) -> Entry:
    copies = f"{size.photos:,} copies of one photo" if size.photos > 1 else "1 photo"
    return Entry(f"{_short(size.name)}: {copies}")


def _together(one: Together, say: Callable[[Photo], str]) -> Entry:
    sign = " = " if one.kind == "identical" else " ~ "
    text = sign.join(f"{_short(photo.path)} ({say(photo)})" for photo in one.photos)
    kind = {"identical": "", "near": "", "group": f"group {_short(one.photos[0].group or '')}: "}
    return Entry(kind[one.kind] + text, tuple((photo, say(photo)) for photo in one.photos))


def _near(pair: Resemblance, say: Callable[[Photo], str]) -> Entry:
    how = f"{'mirrored, ' if pair.mirrored else ''}{_floor(pair.score)} alike"
    return Entry(
        f"{_short(pair.first.path)} ~ {_short(pair.second.path)} ({how})",
        ((pair.first, say(pair.first)), (pair.second, f"{say(pair.second)} ({how})")),
    )


def _suspect(one: SuspectLabel) -> Entry:
    given, likely = _short(one.given.display), _short(one.likely.display)
    text = f"{_short(one.photo.path)}: labelled {given}, looks like {likely} ({one.score:.2f})"
    return Entry(text, ((one.photo, f"labelled {given}, looks like {likely} ({one.score:.2f})"),))


def _odd(odd: OddPhoto, what: str) -> Entry:
    path = _short(odd.photo.path)
    return Entry(f"{path}: {what}" if what else path, ((odd.photo, what),))


def _floor(score: float) -> str:
    """Write a share in percent; 100 % only when it is all."""
    return f"{min(int(1000 * score) / 10, 99.9) if score < 1 else 100:g} %"


def _short(text: str) -> str:
    return printable(text, 100)
