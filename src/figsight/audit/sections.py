"""An audit in the order and the words in which people should read it: the worst first.

Knows what findings mean. Does not know where they will be read; ``text`` and ``page`` do.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from figsight.dataset.choosing import side_of
from figsight.dataset.names import few, printable
from figsight.images.formats import ACCEPTED
from figsight.phrases import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from figsight.audit.results import Audit, OddPhoto, SuspectLabel
    from figsight.dataset.findings import Resemblance, Scarce, Together
    from figsight.dataset.model import Photo


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding.

    Attributes:
        text: One line, with every file in it.
        photos: The photos concerned, each with what to write below it, in lines.
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
        entries: The worst first; not those that an earlier section has shown.
        grave: Whether it makes numbers wrong, rather than being worth a look.
        above: How many of them an earlier section has shown, in words; empty for none.
    """

    key: str
    title: str
    advice: str
    entries: Sequence[Entry]
    grave: bool = False
    above: str = ""

    @property
    def heading(self) -> str:
        """The title, and what of it has been shown already."""
        return f"{self.title} ({self.above})" if self.above else self.title


class _Earlier:
    """Which photos an earlier section has shown, and which of them together."""

    def __init__(self, groups: Iterable[Sequence[Photo]]) -> None:
        self._where: defaultdict[str, set[int]] = defaultdict(set)
        for number, photos in enumerate(groups):
            for photo in photos:
                self._where[photo.path].add(number)

    def shows(self, *photos: Photo) -> bool:
        """Return whether one finding of theirs holds all of these photos."""
        return bool(set.intersection(*(self._where.get(photo.path, set()) for photo in photos)))


def write_sections(audit: Audit) -> list[Section]:
    """Return the kinds of which something was found, the gravest first."""
    found = audit.findings
    names = {figure.id: figure.display for figure in audit.dataset.figures}

    def label(photo: Photo) -> str:
        return _short(names.get(photo.figure_id or "", "no label"))

    def split(photo: Photo) -> str:
        return side_of(photo) or "no split"

    sections = [
        *_stopping_sections(audit),
        _missing_section(audit),
        *_class_sections(audit),
        *_name_sections(audit),
        Section(
            "label_conflicts",
            f"{count(len(found.label_conflicts), 'shot')} with copies under different labels",
            _advise_on_conflicts(found.label_conflicts),
            [_together(one, label) for one in found.label_conflicts],
            grave=True,
        ),
        Section(
            "leaks",
            f"{count(len(found.leaks), 'leak')} across the given splits",
            "Copies, or photos of one source group, lie in different splits: a score on one side "
            "counts what was learnt by heart on the other. Training leaves those of train out; keep "
            "each group in one split.",
            [_together(one, split) for one in found.leaks],
            grave=True,
        ),
        _suspect_section(audit),
        Section(
            "small_differences",
            f"{count(len(found.small_differences), 'shot')} of figures that hardly differ",
            "So many that no label need be wrong: these figures differ by less than this comparison sees, "
            "as where a fixed camera takes one scene. figsight counts each shot as one and keeps it on "
            "one side of every split. Crop the photos to the part that differs.",
            [_together(one, label) for one in found.small_differences],
        ),
        Section(
            "mirror_images",
            f"{count(len(found.mirror_images), 'shot')} mirrored under another label",
            "Right where these figures differ by their side, as left and right do; else one of the "
            "labels is wrong. Photos are not mirrored while networks learn such figures.",
            [_together(one, label) for one in found.mirror_images],
        ),
        *_copy_sections(audit, label),
        *_odd_sections(audit),
    ]
    return [section for section in sections if section.entries or section.above]


def _stopping_sections(audit: Audit) -> list[Section]:
    """Return what training stops at."""
    unreadable = audit.findings.unreadable
    return [
        Section(
            "obstacle",
            "this set cannot be trained on and measured as it is",
            "Training says the same, and stops.",
            [Entry(printable(audit.obstacle or "", 300))] if audit.obstacle else [],
            grave=True,
        ),
        Section(
            "unreadable",
            f"{count(len(unreadable), 'picture')} cannot be decoded",
            "Training stops at these, or leaves them out with --skip-bad. Get the originals again.",
            [Entry(f"{_short(e.path)}: {printable(e.reason, 300)}") for e in unreadable],
            grave=True,
        ),
    ]


def _advise_on_conflicts(conflicts: Sequence[Together]) -> str:
    """Say what copies under different labels mean: of the same file more than of the same shot."""
    if all(one.kind == "identical" for one in conflicts):
        return "The same picture cannot show two figures: one of the labels is wrong."
    return (
        "The same picture cannot show two figures: one of the labels is wrong. Where files differ (~), it "
        "may be that the figures do by less than this comparison sees; then crop the photos to the part "
        "that differs."
    )


def _suspect_section(audit: Audit) -> Section:
    flagged = [one for one in audit.suspect_labels if one.to_check]
    conflicts = _Earlier(one.photos for one in audit.findings.label_conflicts)
    fresh = [one for one in flagged if not conflicts.shows(one.photo)]
    return Section(
        "suspect_labels",
        f"{count(len(flagged), 'label')} to check",
        "Classifiers that never saw these photos take them for another figure: 50 % suspect where "
        "both names are equally likely to them. An unusual photo looks like this, too: look before "
        "you change a label.",
        [_suspect(one) for one in fresh],
        above=_say_above(len(flagged) - len(fresh), len(flagged), "conflicting copies"),
    )


def _copy_sections(audit: Audit, label: Callable[[Photo], str]) -> list[Section]:
    """Return the kinds of copies, without those that lie across labels or splits: they stand above."""
    found = audit.findings
    across = (
        *found.label_conflicts,
        *found.small_differences,
        *found.mirror_images,
        *found.leaks,
    )
    earlier = _Earlier(one.photos for one in across if one.kind != "group")
    same = [one for one in found.duplicates if not earlier.shows(*one.photos)]
    near = [pair for pair in found.near_duplicates if not earlier.shows(pair.first, pair.second)]
    spare, left = (
        sum(len(one.photos) - 1 for one in groups) for groups in (found.duplicates, same)
    )
    pairs = len(found.near_duplicates)
    return [
        Section(
            "duplicates",
            count(spare, "exact copy", "exact copies"),
            "They teach nothing new. figsight keeps all copies on one side of every split.",
            [_together(one, label) for one in same],
            above=_say_above(spare - left, spare, "copies"),
        ),
        Section(
            "near_duplicates",
            f"{count(pairs, 'pair')} of near-duplicates",
            "One shot in two files: resized, recompressed, cropped a little, mirrored or relit. "
            "figsight keeps them on one side of every split.",
            [_near(pair, label) for pair in sorted(near, key=lambda pair: -pair.score)],
            above=_say_above(pairs - len(near), pairs, "copies"),
        ),
    ]


def _class_sections(audit: Audit) -> list[Section]:
    """Return what keeps a figure from being learned or measured, whether or not it was found."""
    found = audit.findings
    shown = {size.id for size in found.classes if size.photos}
    n = len(found.unsupported)
    return [
        Section(
            "unsupported",
            f"{count(n, 'file is no picture', 'files are no pictures')} that figsight opens",
            f"They lie in folders of figures, and nothing sees them. Save them as {ACCEPTED}.",
            [Entry(_short(photo.path)) for photo in found.unsupported],
        ),
        Section(
            "untaught",
            f"{count(len(found.untaught), 'figure')} without a photo to learn from",
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
            f"{count(len(found.scarce), 'figure')} of a single shot",
            "Too few to learn from and be measured on: one shot cannot lie on both sides of a split. "
            "Training refuses a figure with one photo, unless with --folds 0. Add photos.",
            [_scarce(one) for one in found.scarce],
            grave=True,
        ),
    ]


def _name_sections(audit: Audit) -> list[Section]:
    """Return the names of figures that are likely to be mistakes, or to be misunderstood."""
    found = audit.findings
    n = sum(map(len, found.names_alike))
    return [
        Section(
            "names_alike",
            f"{count(n, 'figure')} whose names differ only in case or spaces",
            "They are learned as figures of their own. Where they are one, give it one name.",
            [
                Entry(", ".join(f"'{_short(one.id)}'" for one in those))
                for those in found.names_alike
            ],
        ),
        Section(
            "called_unknown",
            f"{count(len(found.called_unknown), 'figure is', 'figures are')} called 'unknown'",
            "So figsight calls photos of none of the figures. If these are such photos, take them out, "
            "and give them to evaluate --unknown; else rename the figure.",
            [Entry(f"'{_short(one.id)}'") for one in found.called_unknown],
        ),
    ]


def _odd_sections(audit: Audit) -> list[Section]:
    """Return the kinds that are worth a look, whether or not something was found of each."""
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
            "Their sharpest edges are soft even at 256 pixels or fewer.",
            [_odd(odd, f"edges {odd.quality.blur:.1f} pixels soft") for odd in audit.blurred],
        ),
        Section(
            "odd_sizes",
            f"{count(len(audit.odd_sizes), 'photo')} of an odd size or shape",
            "Not like the rest of the set: perhaps thumbnails, screenshots or panoramas.",
            [_odd(odd, f"{odd.quality.width} x {odd.quality.height}") for odd in audit.odd_sizes],
        ),
        _unlisted_section(audit),
    ]


def _missing_section(audit: Audit) -> Section:
    found = audit.findings
    listed = count(len(found.missing), "listed photo is", "listed photos are")
    return Section(
        "missing",
        f"{listed} not there",
        f"{few(found.tables)}: training stops at these, or leaves them out with --skip-bad. Paths are "
        "relative to the table, and URLs are not fetched.",
        [Entry(_short(photo.path)) for photo in found.missing],
        grave=True,
    )


def _unlisted_section(audit: Audit) -> Section:
    found = audit.findings
    n, tables = len(found.unlisted), few(found.tables)
    lists = "lists" if len(found.tables) == 1 else "list"
    them = "it" if n == 1 else "them"
    why = f"Only what {tables} {lists} is read" if tables else f"No folder of a figure holds {them}"
    copies = _Earlier(
        [
            *(one.photos for one in found.duplicates),
            *((pair.first, pair.second) for pair in found.near_duplicates),
        ]
    )
    fresh = [photo for photo in found.unlisted if not copies.shows(photo)]
    return Section(
        "unlisted",
        f"{count(n, 'photo')} {f'not in {tables}' if tables else 'that nothing labels'}",
        f"{why}: training does not see {them}.",
        [Entry(_short(photo.path), ((photo, ""),)) for photo in fresh],
        above=_say_above(n - len(fresh), n, "copies"),
    )


def _say_above(n: int, of: int, what: str) -> str:
    """Say how many of the findings of a kind stand in an earlier section; nothing for none."""
    who = "" if of == 1 else "all of them " if n == of else f"{n:,} of them "
    return f"{who}among the {what} above" if n else ""


def _scarce(one: Scarce) -> Entry:
    files = " = ".join(_short(photo.path) for photo in one.photos)
    n = len(one.photos)
    copies = f"{n:,} copies of one photo" if n > 1 else "1 photo"
    name = _short(one.name)
    return Entry(f"{name}: {copies}: {files}", tuple((photo, name) for photo in one.photos))


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
    # Whether another name is right is never certain.
    how = f"{min(round(100 * one.score), 99)} % suspect"
    photos = [(one.photo, f"labelled {given}\nlooks like {likely}\n{how}")]
    if one.beside is not None:
        photos.append((one.beside, f"most similar photo of\n{likely}"))
    text = f"{_short(one.photo.path)}: labelled {given}, looks like {likely} ({how})"
    return Entry(text, tuple(photos))


def _odd(odd: OddPhoto, what: str) -> Entry:
    path = _short(odd.photo.path)
    return Entry(f"{path}: {what}" if what else path, ((odd.photo, what),))


def _floor(score: float) -> str:
    """Write a share in percent; 100 % only when it is all."""
    return f"{min(int(1000 * score) / 10, 99.9) if score < 1 else 100:g} %"


def _short(text: str) -> str:
    return printable(text, 100)
