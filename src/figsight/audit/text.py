"""An audit for a terminal: short, the worst first, every kind with its count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.audit.sections import write_sections
from figsight.dataset.names import printable
from figsight.phrases import count

if TYPE_CHECKING:
    from figsight.audit.results import Audit

_TIMES = {"suspect_labels": 3}  # times as many of what is a list to work down
_LONGEST = 400  # characters of a line: a group may have thousands of photos


def describe(audit: Audit, most: int = 10, *, data: str = "DATA", program: str = "figsight") -> str:
    """Write an audit for people, and what to type next where nothing must be fixed.

    Args:
        audit: What was found.
        most: How many findings of a kind are written out; of labels to check three times as many.
        data: What the set is called on a command line, with what says how to read it.
        program: What figsight is called there.
    """
    lines = [headline(audit), class_line(audit)]
    sections = write_sections(audit)
    for section in sections:
        lines += ["", f"{'! ' if section.grave else ''}{section.heading}", f"  {section.advice}"]
        shown = _TIMES.get(section.key, 1) * most
        lines += [f"    {printable(entry.text, _LONGEST)}" for entry in section.entries[:shown]]
        if len(section.entries) > shown:
            lines.append(f"    and {len(section.entries) - shown:,} more")
    lines += [""] * bool(audit.notes) + [f"note: {note}" for note in audit.notes]
    if not any(section.grave for section in sections):
        lines += ["", f"next: {program} train {data} -o model"]
    return "\n".join(lines)


def headline(audit: Audit, mark: str = "marked !") -> str:
    """Return one sentence that says what the audit comes to.

    Args:
        audit: What was found.
        mark: How a reader finds what must be fixed.
    """
    figures = sum(size.photos > 0 for size in audit.findings.classes)
    about = (
        f"{printable(audit.dataset.name)}: {count(audit.photos, 'picture')}, "
        f"{count(len(audit.dataset.photos), 'label')}, {count(figures, 'figure')}"
    )
    sections = write_sections(audit)
    grave = sum(section.grave for section in sections)
    if grave:
        return f"{about}; {count(grave, 'problem')} to fix first ({mark})"
    return f"{about}; {'nothing that must be fixed' if sections else 'nothing to complain about'}"


def class_line(audit: Audit) -> str:
    """Return one sentence about how many photos the figures have."""
    sizes = audit.findings.classes
    if not sizes:
        return "no figures"
    small, large = sizes[0], sizes[-1]
    if small.photos == large.photos:
        return f"{count(small.photos, 'photo')} a figure"
    ratio = audit.findings.imbalance
    line = (
        f"photos a figure: {small.photos:,} ({printable(small.name, 60)}) to "
        f"{large.photos:,} ({printable(large.name, 60)})"
    )
    return line if ratio is None else f"{line}, {ratio:.2g} to 1"
