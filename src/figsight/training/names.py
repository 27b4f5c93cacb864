"""What the networks of a run are called: in files, and to people.

Knows names. Does not know what the networks do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from figsight.phrases import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figsight.training.parts import Part

FINAL = "final"

NETWORKS = ("fold", "repeat", "holdout", "left out", FINAL)
"""What the names of networks begin with; everything else that a run tells of is another kind of work."""

_WORDS = (
    (r"^final\b", "your model"),
    (r"^holdout\b", "test network"),
    (r"^left out (\d+)", r"unknowns test \1"),
    (r"^repeat (\d+) (?=fold)", r"repeat \1, "),
    (r"\bfold (\d+)", r"test \1"),
    (r" \((\d+)\)$", r", part \1"),
)


def call(run: str, number: int) -> str:
    """Name an ingredient of a network: "final", "final (2)", ..."""
    return f"{run} ({number + 1})" if number else run


def say(name: str) -> str:
    """Return what people call a network: "your model", "test 2, part 2", ...; other work keeps its own."""
    if name.startswith(NETWORKS):
        for pattern, words in _WORDS:
            name = re.sub(pattern, words, name)
    return name


def say_parts(parts: Sequence[Part]) -> str:
    """Say what networks that measure are for."""
    networks = count(len(parts), "network")
    if len(parts[0].strangers):
        return f"{networks} that leave figures out"
    return f"{networks}, so that every photo is held out once"


def say_unlearned(run: str, spoilt: int, ingredients: int) -> str:
    """Say that ingredients of a network are no good: ``spoilt`` of them, and left out; with 0, all."""
    if not spoilt:
        return (
            f"{say(run)}: learned next to nothing, and names photos hardly better than by guessing; give "
            f"it more time, more epochs or more photos"
        )
    return (
        f"{say(run)}: {spoilt} of the {ingredients} networks whose mean it is learned nothing, and "
        f"{'was' if spoilt == 1 else 'were'} left out"
    )


def say_undealt(lacking: int, wanted: int) -> str:
    """Say that some of the networks that are to leave figures out there cannot be, and why."""
    one = lacking == 1
    networks = (
        "the network that was to leave figures out is"
        if wanted == 1
        else f"{lacking} of the {wanted} networks that were to leave figures out {'is' if one else 'are'}"
    )
    unmeasured = "; how unknown figures are recognised is not measured" if lacking == wanted else ""
    return (
        f"{networks} left away: the figures that {'it' if one else 'they'} would learn have but one shot "
        f"each, or belong together with those left out{unmeasured}"
    )
