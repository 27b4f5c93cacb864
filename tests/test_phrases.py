from __future__ import annotations

import pytest

from figsight.phrases import count, say_duration


@pytest.mark.parametrize(
    ("n", "words", "said"),
    [
        (0, ["photo"], "0 photos"),
        (1, ["photo"], "1 photo"),
        (2, ["class", "classes"], "2 classes"),
        (1, ["picture is", "pictures are"], "1 picture is"),
        (50_000, ["photo"], "50,000 photos"),
    ],
)
def test_count__writes_a_number_with_its_noun(n: int, words: list[str], said: str) -> None:
    assert count(n, *words) == said


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (89.6, "90 s"),
        (120, "2 min"),
        (150, "2 min 30 s"),
        (599.7, "10 min"),
        (3599, "59 min"),
        (3601, "1 h"),
        (3725, "1 h 02 min"),
        (90_000, "25 h"),
    ],
)
def test_say_duration__says_what_people_say(seconds: float, text: str) -> None:
    assert say_duration(seconds) == text
