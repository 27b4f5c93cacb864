from __future__ import annotations

import re
import sys
import time

import pytest

from figsight.console import WIDTHS, Console
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
        "test 1: epoch 1 of 2  loss 1.234  learned  87.5\u00a0%  30.0 s  2 min 30 s left",
        "test 1: epoch 2 of 2  loss 1.234  learned  87.5\u00a0%  30.0 s  2 min left",
        "test 2: epoch 1 of 2  loss 1.234  learned  87.5\u00a0%  30.0 s  90 s left",
        "test 2: epoch 2 of 2  loss 1.234  learned  87.5\u00a0%  30.0 s  60 s left",
        "your model: epoch 1 of 2  loss 1.234  learned  87.5\u00a0%  30.0 s  30 s left",
        "your model: epoch 2 of 2  loss 1.234  learned  87.5\u00a0%  30.0 s  0 s left",
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
        assert lines[0].startswith("your model: epoch 1 of 2")
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
        assert first.startswith("your model: epoch 1 of 4")
        assert first.endswith("30 s left")
        assert second.startswith("your model: epoch 2 of 2")
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
    assert re.findall(r"\S+ s left", capsys.readouterr().err) == [
        "60 s left",
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
        console.begin("left out 1", 30)  # of fewer photos, so quicker
        for number in range(1, 31):
            clock.epoch(console, "left out 1", number, 5.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[29].endswith("  5 min left")
    assert lines[41].endswith("  90 s left")
    assert lines[58].endswith("  5 s left")


def test_console__does_not_take_the_epochs_of_an_interrupted_run_for_new_ones(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with Console(live=False) as console:
        console.expect(60)
        for name in ("final", "final (2)"):
            console.begin(name, 30)
            for number in range(1, 11):
                console.epoch(EpochRecord(name, number, 1.0, 0.5, 20.0))
        for number in range(11, 31):
            clock.epoch(console, "final", number, 20.0)
            clock.now += 0.01
            console.epoch(EpochRecord("final (2)", number, 1.0, 0.5, 20.0))
    left = [line.rpartition("  ")[2] for line in capsys.readouterr().err.splitlines()]
    # Two side by side, 20 seconds an epoch: 40 more of them take 400 seconds, 20 take 200.
    assert left[19] == "6 min 40 s left"
    assert left[39] == "3 min 20 s left"


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
    shown_below = "network 1 of 2, about 2 min left"
    for shown in ("test 1", "loss 1.234", "learned  87.5\u00a0%", "1/2", shown_below):
        assert shown in err
    assert "a line [that] stays" in err


def test_console__says_how_much_is_ahead(clock: Clock) -> None:
    with Console(live=True) as console:
        assert console.ahead() == "starting ..."
        console.begin("reading photos", 12)
        assert console.ahead() == ""
        console.advance(12)
        assert console.ahead() == "preparing ..."
        console.expect(8)
        console.begin("final", 2)
        assert console.ahead() == "network 1 of 4"
        console.begin("holdout", 2)
        assert console.ahead() == "networks 1 and 2 of 4"
        clock.epoch(console, "final", 1, 60.0)
        assert console.ahead() == "networks 1 and 2 of 4, about 5 min left"
        clock.now += 30.0  # it goes on between epochs, too
        assert console.ahead() == "networks 1 and 2 of 4, about 4 min left"
        clock.epoch(console, "final", 2, 30.0)
        assert console.ahead().startswith("network 2 of 4, about ")
        console.begin("left out 1", 2)
        console.begin("left out 2", 2)
        assert console.ahead().startswith("networks 2 to 4 of 4, about ")
        for name in ("holdout", "left out 1", "left out 2"):
            clock.epoch(console, name, 1, 10.0)
        clock.epoch(console, "holdout", 2, 0.1)
        assert console.ahead() == "networks 3 and 4 of 4, about 40 s left"
        clock.now += 3600.0
        assert console.ahead() == "networks 3 and 4 of 4, a few seconds left"
        for name in ("left out 1", "left out 2"):
            clock.epoch(console, name, 2, 10.0)
        assert console.ahead() == "measuring and writing ..."
        console.begin("writing the model", 1)
        assert console.ahead() == "measuring and writing ..."


def test_console__is_between_networks_that_do_not_learn_at_the_same_time(clock: Clock) -> None:
    with Console(live=True) as console:
        console.expect(2)
        console.begin("fold 1", 1)
        clock.epoch(console, "fold 1", 1, 4000.0)
        assert console.ahead() == "measuring ..."
        console.begin("asking about unknown pictures", 9)
        assert console.ahead() == "measuring ..."
        console.begin("fold 2", 1)
        assert console.ahead() == "network 2 of 2, about 1 h 07 min left"


def test_console__ends_a_network_that_stops_before_its_plan(clock: Clock) -> None:
    with Console(live=True) as console:
        console.expect(6)
        console.begin("final", 6)
        clock.epoch(console, "final", 1)
        console.expect(1)
        console.begin("final", 1)
        assert console.ahead() == "measuring and writing ..."


@pytest.mark.parametrize("columns", [80, 120])
def test_console__stays_within_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    names = ["final", "left out 1 (2)", "repeat 2 fold 1 (2)"]
    with Console(live=True) as console:
        console.expect(300)
        for name in names:
            console.begin(name, 100)
            clock.epoch(console, name, 100)
        assert console._progress is not None
        console._progress.refresh()
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err).splitlines()
    bars = [line for line in lines if "\u2501" in line]
    assert bars
    for line in bars:
        assert len(line) <= columns
        # Every column has its place, whatever stands in it.
        assert line.index("\u2501") == WIDTHS[0] + 1
    assert any(line.rstrip().endswith("100/100 loss 1.234  learned  87.5\u00a0%") for line in bars)


def test_console__leaves_names_of_files_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    with Console(live=True) as console:
        console.begin("reading :bear: [bold]", 2)
        console.note("1 picture cannot be decoded: toys/:bear:/[red]/1.jpg")
        assert console._progress is not None
        console._progress.refresh()
    err = capsys.readouterr().err
    assert "1 picture cannot be decoded: toys/:bear:/[red]/1.jpg\n" in err
    assert "reading :bear: [bold]" in err


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
