"""What people call the networks of a run."""

from __future__ import annotations

import pytest

from figsight.training.names import say, say_undealt, say_unlearned


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("final", "your model"),
        ("final (2)", "your model, part 2"),
        ("holdout", "test network"),
        ("holdout (3)", "test network, part 3"),
        ("left out 1", "unknowns test 1"),
        ("left out 12 (2)", "unknowns test 12, part 2"),
        ("fold 1", "test 1"),
        ("repeat 2 fold 1", "repeat 2, test 1"),
        ("repeat 2 fold 1 (2)", "repeat 2, test 1, part 2"),
        ("reading photos", "reading photos"),
        ("asking (2)", "asking (2)"),
    ],
)
def test_say__is_what_people_read(name: str, said: str) -> None:
    assert say(name) == said


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
