from __future__ import annotations

import random

from figsight.dataset.joining import Joined


def test_joined__numbers_what_a_chain_of_pairs_joins() -> None:
    joined = Joined(6)
    for one, other in ((4, 1), (3, 4), (1, 3), (5, 5)):
        joined.join(one, other)
    assert joined.numbers() == [0, 1, 2, 1, 1, 3]
    assert joined.size_of_both(1, 3) == 3
    assert joined.size_of_both(1, 2) == 0


def test_joined__does_not_depend_on_the_order_of_the_pairs() -> None:
    pairs = [
        (random.Random(i).randrange(40), random.Random(-i - 1).randrange(40)) for i in range(25)
    ]
    found = []
    for seed in range(5):
        joined = Joined(40)
        for one, other in random.Random(seed).sample(pairs, len(pairs)):
            joined.join(other, one)
        found.append(joined.numbers())
    assert all(numbers == found[0] for numbers in found)
