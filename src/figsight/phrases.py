"""Numbers with their nouns, and spans of time, as people write them.

Knows English plurals and units. Does not know what is counted.
"""

from __future__ import annotations


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: ``1 photo``, ``2 photos``, ``5,232 photos``.

    Args:
        n: How many.
        noun: One of them; a verb may follow: ``picture is``.
        plural: Several; by default the noun with an s.
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {plural or f'{noun}s'}"


def say_duration(seconds: float) -> str:
    """Write a span of time no more finely than people ask: ``90 s``, ``2 min 30 s``, ``1 h 02 min``.

    From ten minutes on seconds are left out, not rounded. What is less than nothing is ``0 s``.
    """
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min" + (f" {rest} s" if rest and minutes < 10 else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h" + (f" {minutes:02d} min" if minutes else "")
