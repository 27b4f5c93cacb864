from __future__ import annotations

import re
import sys
import time

import pytest

from figsight.console import Console
from figsight.errors import MissingExtraError
from figsight.training.checkpoint import EpochRecord


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def epoch(self, console: Console, name: str, number: int, seconds: float = 30.0) -> None:
        """Let an epoch go by, and tell the console of it."""
        self.now += seconds
        console.epoch(EpochRecord(name, number, 1.2345, 0.875, seconds))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    return made


def run(
    console: Console, clock: Clock, folds: int = 2, epochs: int = 2, expected: int | None = None
) -> None:
    """Tell a console of a whole run."""
    console.expect((folds + 1) * epochs if expected is None else expected)
    console.begin("reading photos", 12)
    for done in range(1, 13):
        console.advance(done)
    for name in [*(f"fold {n}" for n in range(1, folds + 1)), "final"]:
        console.begin(name, epochs)
        for epoch in range(1, epochs + 1):
            clock.epoch(console, name, epoch)
    console.note("a line [that] stays")
    console.begin("writing the model", 1)
    console.advance(1)


def test_console__writes_a_line_an_epoch_when_nobody_watches(
    capsys: pytest.CaptureFixture[str],
    clock: Clock,
) -> None:
    with Console(live=False) as console:
        run(console, clock)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "reading photos (12)",
        "fold 1: epoch 1 of 2  loss 1.234  accuracy  87.5%  30.0 s  2 min 30 s left",
        "fold 1: epoch 2 of 2  loss 1.234  accuracy  87.5%  30.0 s  2 min 00 s left",
        "fold 2: epoch 1 of 2  loss 1.234  accuracy  87.5%  30.0 s  1 min 30 s left",
        "fold 2: epoch 2 of 2  loss 1.234  accuracy  87.5%  30.0 s  1 min 00 s left",
        "final: epoch 1 of 2  loss 1.234  accuracy  87.5%  30.0 s  30 s left",
        "final: epoch 2 of 2  loss 1.234  accuracy  87.5%  30.0 s  0 s left",
        "a line [that] stays",
        "writing the model",
    ]


@pytest.mark.parametrize("live", [False, True])
def test_console__follows_networks_that_learn_at_the_same_time(
    live: bool, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with Console(live=live) as console:
        console.expect(4)
        for name in ("final", "holdout"):
            console.begin(name, 2)
        assert len(console._tasks) == (2 if live else 0)
        for epoch in (1, 2):
            clock.epoch(console, "final", epoch, 10.0)
            clock.epoch(console, "holdout", epoch, 0.0)
        console.begin("writing the model", 1)
        assert list(console._tasks) == (["writing the model"] if live else [])
    if not live:
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("final: epoch 1 of 2")
        assert [line.rpartition("  ")[2] for line in lines[:4]] == [
            "20 s left",  # 3 of 4, at one and a half in 10 seconds: the other one is under way
            "8 s left",
            "6 s left",
            "0 s left",
        ]


@pytest.mark.parametrize("live", [False, True])
def test_console__follows_a_plan_that_changes(
    live: bool, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with Console(live=live) as console:
        console.expect(4)
        console.begin("final", 4)
        clock.epoch(console, "final", 1, 10.0)
        console.expect(2)
        console.begin("final", 2)
        if live:
            assert console._progress is not None
            (task,) = console._progress.tasks
            assert (task.completed, task.total) == (1, 2)
        clock.epoch(console, "final", 2, 10.0)
        assert not console._running
    if not live:
        first, second = capsys.readouterr().err.splitlines()
        assert first.startswith("final: epoch 1 of 4")
        assert first.endswith("30 s left")
        assert second.startswith("final: epoch 2 of 2")
        assert second.endswith("0 s left")


def test_console__is_plain_when_standard_error_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
    clock: Clock,
) -> None:
    with Console() as console:
        run(console, clock)
    assert "\x1b" not in capsys.readouterr().err


def test_console__never_has_less_than_nothing_left(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with Console(live=False) as console:
        run(console, clock, expected=3)
    assert re.findall(r"\S+(?: min \d\d)? s left", capsys.readouterr().err) == [
        "1 min 00 s left",
        "30 s left",
        *["0 s left"] * 4,
    ]


def test_console__tells_of_long_work_in_a_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Console(live=False) as console:
        console.begin("reading photos", 100)
        for done in range(1, 101):
            now += 0.25
            console.advance(done)
    assert capsys.readouterr().err.splitlines() == [
        "reading photos (100)",
        "reading photos: 41 of 100",
        "reading photos: 82 of 100",
    ]


def test_console__goes_by_the_latest_epochs(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with Console(live=False) as console:
        console.expect(60)
        console.begin("final", 30)
        for number in range(1, 31):
            clock.epoch(console, "final", number, 10.0)
        console.begin("left out 1", 30)  # of fewer photos
        for number in range(1, 31):
            clock.epoch(console, "left out 1", number, 5.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[29].endswith("  5 min 00 s left")
    assert lines[41].endswith("  1 min 30 s left")
    assert lines[58].endswith("  5 s left")


def test_console__says_hours_and_minutes(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with Console(live=False) as console:
        console.expect(3)
        console.begin("final", 3)
        clock.epoch(console, "final", 1, 2000.0)
    assert "2000.0 s  1 h 06 min left" in capsys.readouterr().err


def test_console__shows_the_numbers_live(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    with Console(live=True) as console:
        console.expect(4)
        console.begin("reading photos", 12)
        console.advance(12)
        console.begin("fold 1", 2)
        clock.epoch(console, "fold 1", 1)
        assert console._progress is not None
        console._progress.refresh()
        console.note("a line [that] stays")
    out, err = capsys.readouterr()
    assert out == ""
    for shown in ("fold 1", "loss 1.234", "accuracy  87.5%", "1 min 30 s left"):
        assert shown in err
    assert "a line [that] stays" in err


def test_console__gives_the_terminal_back_after_an_error(
    capsys: pytest.CaptureFixture[str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    console = Console(live=True)

    def break_down() -> None:
        with console:
            run(console, clock)
            raise ValueError("broken")

    with pytest.raises(ValueError, match=r"^broken$"):
        break_down()
    assert console._progress is not None
    assert not console._progress.live.is_started


def test_console__names_the_extra_when_there_is_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'figsight\[train\]'$"):
        Console(live=True).__enter__()
