"""The short form of an audit: a line a kind, for whoever is about to train.

Knows findings. Does not know how they were made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.dataset.choosing import side_of
from figsight.dataset.names import few, printable
from figsight.phrases import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figsight.dataset.findings import Findings, Scarce, Together
    from figsight.dataset.model import Photo
    from figsight.dataset.quality import Oddities

_UNKNOWN = "a figure is called 'unknown', which is what figsight says of photos of none"
UNEQUAL = 3.0  # photos of the largest class for one of the smallest, from which we speak of it
NAMED = 3  # files that a line names at most


def summarise(findings: Findings, most: int = NAMED) -> list[str]:
    """Return what a person should know before training, a line a kind; nothing when all is well.

    Args:
        findings: What was found.
        most: How many files a line names at most.
    """
    lines = []

    def say(what: str, items: Sequence[str]) -> None:
        if items:
            more = f"; and {len(items) - most} more" if len(items) > most else ""
            lines.append(f"{what}: {'; '.join(items[:most])}{more}")

    n = len(findings.unreadable)
    say(f"{count(n, 'picture')} cannot be decoded", [_path(e.path) for e in findings.unreadable])
    n = len(findings.missing)
    listed = count(n, "listed photo is", "listed photos are")
    say(f"{listed} not there, and left out", [_path(photo.path) for photo in findings.missing])
    for what, items in (*_say_unlearned(findings), *_say_names(findings)):
        say(what, items)
    n = len(findings.label_conflicts)
    say(
        f"{count(n, 'shot')} with copies whose labels differ",
        [
            " = ".join(f"{_path(p.path)} ({_path(p.figure_id or '')})" for p in one.photos[:most])
            for one in findings.label_conflicts
        ],
    )
    n = len(findings.mirror_images)
    say(
        f"{count(n, 'shot')} mirrored under another label",
        _joined(findings.mirror_images, most),
    )
    n = len(findings.small_differences)
    say(
        f"{count(n, 'shot')} of figures that differ by less than copies may, each counted as one shot",
        _joined(findings.small_differences, most),
    )
    n = len(findings.leaks)
    say(
        f"{count(n, 'group')} of copies across the given splits",
        [
            " = ".join(f"{_path(p.path)} ({side_of(p)})" for p in one.photos[:most])
            for one in findings.leaks
        ],
    )
    n = sum(len(one.photos) - 1 for one in findings.duplicates)
    say(f"{count(n, 'file')} with the bytes of another", _joined(findings.duplicates, most))
    n = len(findings.near_duplicates)
    say(
        f"{count(n, 'pair')} of near-duplicates",
        [f"{_path(p.first.path)} ~ {_path(p.second.path)}" for p in findings.near_duplicates],
    )
    n = len(findings.unlisted)
    say(_say_unlisted(findings.tables, n), [_path(photo.path) for photo in findings.unlisted])
    ratio = findings.imbalance
    if ratio is not None and ratio >= UNEQUAL:
        small, large = findings.classes[0], findings.classes[-1]
        lines.append(
            f"classes are unequal: {_path(small.name)} has {count(small.photos, 'photo')}, "
            f"{_path(large.name)} {large.photos:,}"
        )
    return lines


def summarise_odd(photos: Sequence[Photo], odd: Oddities) -> list[str]:
    """Return a line for each kind of bad shot among photos; nothing when all are well.

    Args:
        photos: Those that were looked at.
        odd: Which of them are odd, by their numbers.
    """
    lines = []
    for kind, numbers in (("blank", odd.blank), ("very dark", odd.dark), ("blurred", odd.blurred)):
        if numbers:
            named = "; ".join(_path(photos[i].path) for i in numbers[:NAMED])
            more = f"; and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
            lines.append(f"{count(len(numbers), f'{kind} picture')}: {named}{more}")
    return lines


def _say_unlearned(findings: Findings) -> list[tuple[str, list[str]]]:
    """Say what keeps classes from being learned and measured, and of which files or classes."""
    files = count(len(findings.unsupported), "file is no picture", "files are no pictures")
    without = count(len(findings.untaught), "class", "classes")
    single = count(len(findings.scarce), "class", "classes")
    return [
        (f"{files} that figsight opens", [_path(photo.path) for photo in findings.unsupported]),
        (
            f"{without} without a photo to learn from",
            [_path(figure.display) for figure in findings.untaught],
        ),
        (
            f"{single} of a single shot, too few to learn from and be measured on",
            [f"{_path(one.name)} ({_say_scarce(one)})" for one in findings.scarce],
        ),
    ]


def _say_names(findings: Findings) -> list[tuple[str, list[str]]]:
    """Say which names of figures are likely to be mistakes, or to be misunderstood."""
    n = sum(map(len, findings.names_alike))
    return [
        (
            f"{count(n, 'class', 'classes')} whose names differ only in case or spaces",
            [" = ".join(f"'{_path(one.id)}'" for one in those) for those in findings.names_alike],
        ),
        (
            f"{_UNKNOWN}: give photos of strangers to evaluate --unknown, else rename it",
            [f"'{_path(one.id)}'" for one in findings.called_unknown],
        ),
    ]


def _say_scarce(one: Scarce) -> str:
    n = len(one.photos)
    return _path(one.photos[0].path) if n == 1 else f"{n} copies of {_path(one.photos[0].path)}"


def _say_unlisted(tables: Sequence[str], n: int) -> str:
    """Say how many pictures nothing labels, and what kept them out."""
    if not tables:
        return f"{count(n, 'picture')} that nothing labels"
    only = "it lists" if len(tables) == 1 else "they list"
    return f"{count(n, 'picture is', 'pictures are')} not in {few(tables)}, and only what {only} is read"


def _joined(groups: Sequence[Together], most: int) -> list[str]:
    return [" = ".join(_path(photo.path) for photo in one.photos[:most]) for one in groups]


def _path(text: str) -> str:
    return printable(text, 80)
