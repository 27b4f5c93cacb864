"""What people call the networks of a run."""

from __future__ import annotations

import re

import pytest

from figsight.console import SAID
from figsight.training.names import say, say_undealt, say_unlearned


@pytest.mark.parametrize("run", ["final", "holdout", "fold 3", "left out 2"])
def test_say__uses_the_words_of_the_terminal(run: str) -> None:
    shown = run
    for pattern, words in SAID:
        shown = re.sub(pattern, words, shown)
    assert say(run) == shown != run


def test_say_unlearned__counts() -> None:
    assert say_unlearned("final", 0, 2).startswith(f"{say('final')}: learned next to nothing, and")
    assert say_unlearned("fold 2", 2, 6) == (
        "test 2: 2 of the 6 networks whose mean it is learned nothing, and were left out"
    )


def test_say_undealt__says_how_many_and_what_is_not_measured_then() -> None:
    assert say_undealt(1, 1) == (
        "the network that was to leave figures out is left away: the figures that it would learn have but "
        "one shot each, or belong together with those left out; how unknown figures are recognised is not "
        "measured"
    )
    assert say_undealt(2, 3).startswith(
        "2 of the 3 networks that were to leave figures out are left away: the figures that they would "
    )
    assert say_undealt(2, 3).endswith("with those left out")
