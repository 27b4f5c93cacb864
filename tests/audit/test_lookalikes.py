from __future__ import annotations

import numpy as np
import pytest

from figsight.audit import lookalikes
from figsight.audit.lookalikes import find_lookalikes
from figsight.rows import Rows

LABELS = np.array([0, 0, 1, 1, 1, 2])
LIKELY = np.array([1, 0, 1, 0, 1, 2])
EMBEDDINGS = np.array([[9, 1], [9, 2], [1, 9], [9, 1], [9, 4], [5, 5]], np.float16)


@pytest.mark.parametrize("at_once", [1, 2, 1024])
def test_find_lookalikes__is_the_most_similar_of_those_that_may_be_believed(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookalikes, "_ROWS", at_once)
    everyone = np.ones(6, np.bool_)
    assert find_lookalikes(EMBEDDINGS, LABELS, LIKELY, everyone, [0, 3]) == {0: 3, 3: 0}
    trusted = np.array([True, True, True, False, True, True])  # 3 is suspect itself
    assert find_lookalikes(EMBEDDINGS, LABELS, LIKELY, trusted, [0]) == {0: 4}
    assert find_lookalikes(EMBEDDINGS, LABELS, LIKELY, ~everyone, [0]) == {0: 3}


def test_find_lookalikes__is_no_photo_of_its_own() -> None:
    everyone = np.ones(6, np.bool_)
    assert find_lookalikes(EMBEDDINGS, LABELS, LIKELY, everyone, [5]) == {}


def test_find_lookalikes__does_not_mind_how_bright_embeddings_are() -> None:
    everyone = np.ones(6, np.bool_)
    scaled = EMBEDDINGS * np.array([[1], [1], [1], [0.01], [30], [1]], np.float16)
    assert find_lookalikes(scaled, LABELS, LIKELY, everyone, [0]) == {0: 3}


def test_find_lookalikes__reads_rows_that_lie_in_a_file() -> None:
    rows = Rows((2,), np.float16, in_memory=0)
    rows.extend(EMBEDDINGS)
    found = find_lookalikes(rows, LABELS, LIKELY, np.ones(6, np.bool_), [0, 3])
    rows.close()
    assert found == {0: 3, 3: 0}
