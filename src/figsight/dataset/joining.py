"""What a chain of pairs joins: the connected parts of a growing graph.

Knows numbers. Does not know what they stand for, nor why two of them belong together.
"""

from __future__ import annotations


class Joined:
    """Things numbered from 0, of which more and more belong together (union-find).

    Args:
        n: How many there are; each begins alone.
    """

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))
        self._size = [1] * n

    def _root(self, node: int) -> int:
        parent = self._parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, one: int, other: int) -> None:
        """Put two of them together, with all that belongs to either."""
        small, large = sorted((self._root(one), self._root(other)), key=self._size.__getitem__)
        if small != large:
            self._parent[small] = large
            self._size[large] += self._size[small]

    def size_of_both(self, one: int, other: int) -> int:
        """Return how many belong together with both; 0 if these two do not."""
        root = self._root(one)
        return self._size[root] if root == self._root(other) else 0

    def numbers(self) -> list[int]:
        """Return the number of each one's part, in the order of their first members."""
        numbers: dict[int, int] = {}
        return [numbers.setdefault(self._root(i), len(numbers)) for i in range(len(self._parent))]
