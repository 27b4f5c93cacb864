"""Several networks that learned from one start, made into one.

Knows weights as numbers. Does not know how they were learned.

Between networks that learned from the same pretrained weights the loss is at least as low as at each of
them, so the mean of their weights errs about as rarely as a vote of all of them would, at the price of
one (Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models improves
accuracy without increasing inference time"). Not so for networks that started from nothing.
"""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from figsight.training.backbones import Network
    from figsight.training.checkpoint import EpochRecord


GUESSING = 0.98  # of the loss of equal probabilities for all figures: nothing has been learned yet


class Soup:
    """One network in the making: its ingredients, which end in any order and in several threads.

    Attributes:
        expected: How many there are.
        spoilt: Those that had learned nothing in the end, and are not in the mean of the others: with
            one of two near its start, the mean is neither.
        hopeless: Whether none of them had learned anything; then all are in the mean.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.expected = 0
        self.spoilt: list[int] = []
        self.hopeless = False
        self._ready: dict[int, tuple[Network, list[EpochRecord]]] = {}

    def expect(self, ingredients: int) -> bool:
        """Hear of further ingredients; return whether they come in time: it may be made already."""
        with self._lock:
            if self._ready and len(self._ready) == self.expected:
                return False
            self.expected += ingredients
            return True

    def add(
        self, number: int, network: Network, history: list[EpochRecord]
    ) -> tuple[Network, list[EpochRecord]] | None:
        """Add an ingredient.

        Args:
            number: Which; decides the order in which numbers are added up, and so their last bits.
            network: On the device where the mean is wanted.
            history: Its epochs.

        Returns:
            With the last ingredient the mean of all, and all their epochs; before that None.
        """
        with self._lock:
            self._ready[number] = network, history
            if len(self._ready) < self.expected:
                return None
        learned = [number for number in sorted(self._ready) if _has_learned(*self._ready[number])]
        self.hopeless = not learned
        good = learned or sorted(self._ready)
        self.spoilt = sorted(self._ready.keys() - good)
        mean = average([self._ready[number][0] for number in good])
        histories = [self._ready[number][1] for number in sorted(self._ready)]
        return mean, [record for history in histories for record in history]


def _has_learned(network: Network, history: list[EpochRecord]) -> bool:
    return not history or history[-1].loss < GUESSING * math.log(network.head.out_features)


@torch.no_grad()
def average(networks: Sequence[Network]) -> Network:
    """Give the first of several networks the mean of all their weights, and return it."""
    first, *others = networks
    for ours, *theirs in zip(*(_numbers(network) for network in (first, *others)), strict=True):
        for one in theirs:
            ours.add_(one.to(ours.device))
        ours.div_(len(networks))
    return first


def _numbers(network: Network) -> list[Tensor]:
    """Return each weight and each statistic once, under however many names it goes."""
    return [t for t in (*network.parameters(), *network.buffers()) if t.is_floating_point()]
