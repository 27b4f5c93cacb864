from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundle.make import make_gallery

from figsight.classifier.memory import Memory


def make_memory(embeddings: np.ndarray) -> Memory:
    n = len(embeddings)
    return Memory(
        replace(
            make_gallery(),
            embeddings=embeddings,
            labels=np.zeros(n, np.int32),
            sha256=np.zeros((n, 32), np.uint8),
            paths=("a.jpg",) * n,
        )
    )


def measure(known: np.ndarray, embedding: np.ndarray) -> np.ndarray:
    """Cosine distances in float64, by the book."""
    known, embedding = known.astype(np.float64), embedding.astype(np.float64)
    lengths = np.linalg.norm(known, axis=1) * np.linalg.norm(embedding)
    cosines = np.divide(known @ embedding, lengths, out=np.zeros(len(known)), where=lengths > 0)
    distances: np.ndarray = np.clip(1 - cosines, 0, 2)
    return distances


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 300),
    count=st.integers(0, 12),
    kind=st.sampled_from([np.float16, np.float32]),
    copies=st.booleans(),
)
def test_find_nearest__is_what_a_full_search_finds(
    seed: int, n: int, count: int, kind: type, copies: bool
) -> None:
    random = np.random.default_rng(seed)
    known: np.ndarray = random.normal(size=(n, 8)).astype(kind)
    if copies:
        known[n // 2 :] = known[: n - n // 2]  # pairs that are equally near
        known[0] = 0  # no direction
    embedding = random.normal(size=8).astype(np.float32)
    found = make_memory(known).find_nearest(embedding, count)
    distances = measure(known, embedding)
    expected = np.sort(distances)[:count]
    assert np.allclose([distance for _, distance in found], expected, rtol=0, atol=1e-12)
    assert np.allclose(distances[[row for row, _ in found]], expected, rtol=0, atol=1e-12)
    assert len({row for row, _ in found}) == len(found)


def test_find_candidates__are_few_of_many() -> None:
    known = np.random.default_rng(0).normal(size=(5000, 8)).astype(np.float32)
    rows = make_memory(known).find_candidates(known[17], 3)
    assert len(rows) < 50
    assert 17 in rows


def test_memory__of_no_photos_finds_none() -> None:
    assert make_memory(np.zeros((0, 6), np.float16)).find_nearest(np.ones(6, np.float32), 3) == []


def test_memory__keeps_one_copy_of_the_embeddings() -> None:
    known = np.ones((4, 6), np.float32)
    memory = make_memory(known)
    assert np.shares_memory(memory.embeddings, known)
    assert len(memory) == 4


@pytest.mark.parametrize("how", ["warn", "raise"])  # warnings are errors here
@pytest.mark.parametrize("size", [3e38, 1e-45, 0.0])
def test_memory__of_any_numbers_can_be_searched(how: Any, size: float) -> None:
    with np.errstate(all=how):
        memory = make_memory(np.full((40, 6), size, np.float32))
        found = memory.find_nearest(np.full(6, 3e38, np.float32), 3)
    assert len(found) == 3
    assert all(0 <= distance <= 2 for _, distance in found)
