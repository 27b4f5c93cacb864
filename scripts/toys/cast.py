"""The names of all toy figures, and who is taught to the demo's model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toys import crew, strangers, village

if TYPE_CHECKING:
    from collections.abc import Callable

    from toys.body import Part

FIGURES: dict[str, Callable[[], list[Part]]] = {
    "astronaut": crew.astronaut,
    "baker": village.baker,
    "blue-knight": crew.blue_knight,
    "diver": crew.diver,
    "firefighter": crew.firefighter,
    "fox": village.fox,
    "gardener": village.gardener,
    "lighthouse-keeper": village.lighthouse_keeper,
    "painter": village.painter,
    "red-knight": crew.red_knight,
    "robot": crew.robot,
    "wizard": village.wizard,
}

STRANGERS: dict[str, Callable[[], list[Part]]] = {
    "bear": strangers.bear,
    "beekeeper": strangers.beekeeper,
    "pirate": strangers.pirate,
    "skier": strangers.skier,
}
