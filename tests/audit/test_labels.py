from __future__ import annotations

from pathlib import Path

import pytest

from figsight.audit.labels import _note_unjudged
from figsight.dataset import Dataset, Figure, Photo


@pytest.mark.parametrize(
    ("alone", "said"),
    [
        (0, []),
        (1, ["1 label was not judged: its figure has no other photo to compare with"]),
        (2, ["2 labels were not judged: their figures have no other photo to compare with"]),
    ],
)
def test_note_unjudged__counts_labels_without_company(alone: int, said: list[str]) -> None:
    dataset = Dataset("set", (Figure("a", "a", "a"),), (Photo("1.png", Path("1.png")),))
    notes: list[str] = []
    _note_unjudged(dataset, [], alone, notes)
    assert notes == said
