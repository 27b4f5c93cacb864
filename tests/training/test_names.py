"""What people call the networks of a run."""

from __future__ import annotations

import re

import pytest

from figsight.console import SAID
from figsight.training.names import say, say_spoilt


@pytest.mark.parametrize("run", ["final", "holdout", "fold 3", "left out 2"])
def test_say__uses_the_words_of_the_terminal(run: str) -> None:
    shown = run
    for pattern, words in SAID:
        shown = re.sub(pattern, words, shown)
    assert say(run) == shown != run


def test_say_spoilt__counts() -> None:
    assert say_spoilt("fold 2", 2, 6) == (
        "test 2: 2 of the 6 networks whose mean it is learned nothing, and were left out"
    )
