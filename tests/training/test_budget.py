"""Plans against clocks that run as the test says."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figsight.errors import RecipeError
from figsight.phrases import say_duration
from figsight.training.budget import (
    ENOUGH,
    FLOOR,
    MOST_EPOCHS,
    MOST_INGREDIENTS,
    PLENTY,
    Budget,
    Timetable,
    Wish,
    choose,
    level,
    list_wishes,
    read_span,
)
from figsight.training.measuring import LACKING
from figsight.training.pace import Budgeted, Steady

if TYPE_CHECKING:
    from collections.abc import Callable

PHOTOS = 268
USUAL = 26
BATCH = 8
CORES = 2
REST = 4.0


# ----------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("2m30s", 150), (" 1H ", 3600)],
)
def test_read_span__knows_hours_minutes_and_seconds(text: str, seconds: float) -> None:
    assert read_span(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "90", "0s", "5 m", "1.5h", "-5m", "30m1h", "s", "1d", "9999999s"]
)
def test_read_span__refuses_everything_else(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_span(text)
    assert str(caught.value) == f"expected a time like 90s, 5m or 1h30m, found {text!r}"


@given(st.integers(0, 5), st.integers(0, 59), st.integers(1, 59))
def test_read_span__adds_up(hours: int, minutes: int, seconds: int) -> None:
    assert read_span(f"{hours}h{minutes}m{seconds}s") == 3600 * hours + 60 * minutes + seconds


@pytest.mark.parametrize("seconds", [0.0, -3.0, math.inf, math.nan])
def test_budget__is_some_time(seconds: float) -> None:
    with pytest.raises(RecipeError, match=r"^budget: expected more than 0 seconds, found "):
        Budget(seconds)


# ----------------------------------------------------------------------------------- choices

networks = st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 20_000)), min_size=1, max_size=6)


@given(networks, st.floats(0, 100_000))
def test_level__hands_out_exactly_what_there_is(
    behind: list[tuple[int, float]], views: float
) -> None:
    reached = level(behind, views)
    handed = sum(max(0.0, reached * photos - done) for photos, done in behind)
    assert handed == pytest.approx(views, rel=1e-6, abs=1e-3)


@given(networks, st.floats(0, 10_000), st.floats(0, 10_000))
def test_level__grows_with_what_there_is(
    behind: list[tuple[int, float]], views: float, more: float
) -> None:
    assert level(behind, views) <= level(behind, views + more) + 1e-9


def test_choose__grants_the_greatest_wish_that_leaves_enough_epochs() -> None:
    enough = ENOUGH * USUAL
    assert choose([(enough, ENOUGH)], USUAL) == 0
    assert choose([(enough - 1, ENOUGH), (enough, ENOUGH)], USUAL) == 1
    assert choose([(enough, PLENTY), (enough, ENOUGH)], USUAL) == 1
    assert choose([(PLENTY * USUAL, PLENTY), (99, ENOUGH)], USUAL) == 0
    assert choose([(enough - 1, ENOUGH)], USUAL) is None
    assert choose([], USUAL) is None


def test_list_wishes__begins_with_the_most_and_asks_more_of_more_than_usual() -> None:
    wishes = list_wishes([(268, 268), (214, 268)], [(143, 268)], 2)
    assert [ingredients for ingredients, _ in wishes] == [*range(MOST_INGREDIENTS, 0, -1)]
    assert [wish.enough for _, wish in wishes] == [
        *[PLENTY] * (MOST_INGREDIENTS - 2),
        ENOUGH,
        ENOUGH,
    ]
    two, one = dict(wishes)[2], dict(wishes)[1]
    assert sorted(two.networks) == [(143, 268), (143, 268), (214, 268), (268, 268)]
    assert one.networks == [(143, 268)]


def test_list_wishes__does_not_ask_again_for_what_has_begun() -> None:
    wishes = list_wishes([(268, 268)], [(143, 268)], 2, begun=2)
    assert [ingredients for ingredients, _ in wishes] == [*range(MOST_INGREDIENTS, 1, -1)]
    three, two = dict(wishes)[3], dict(wishes)[2]
    assert sorted(three.networks) == [*[(143, 268)] * 3, (268, 268)]
    assert two.networks == [(143, 268)] * 2
    assert [n for n, _ in list_wishes([(268, 0)], [], 2, begun=2)] == [6, 5, 4, 3]


def test_list_wishes__of_a_recipe_of_many_ingredients_halves_nothing() -> None:
    assert [n for n, _ in list_wishes([(268, 0)], [], 8)] == [8]
    assert [n for n, _ in list_wishes([(268, 0)], [], 1)] == [*range(MOST_INGREDIENTS, 1, -1)]


@pytest.mark.parametrize(
    ("seconds", "ingredients"), [(60, None), (300, 2), (900, 4), (3600, MOST_INGREDIENTS)]
)
def test_timetable__buys_ingredients_with_a_long_budget(
    seconds: float, ingredients: int | None
) -> None:
    now, option = 10.0, None
    there = [(PHOTOS, PHOTOS), (214, PHOTOS)]
    wishes = list_wishes(there, [(143, PHOTOS)], 2)
    table = Timetable(
        Budget(seconds, 0.0, lambda: now), usual=20, side=160, asked_side=192, rest=REST
    )
    table.join("final", *there[0])
    table.join("holdout", *there[1])
    while not table.settled:
        now += 0.01 * BATCH
        table.learned("final", BATCH)
        option = table.decide([wish for _, wish in wishes])
    assert (None if option is None else wishes[option][0]) == ingredients


# ----------------------------------------------------------------------------------- pace


@given(st.integers(1, 40), st.integers(1, 50))
def test_steady__counts_the_steps_of_all_epochs(epochs: int, steps: int) -> None:
    pace = Steady(epochs, steps)
    way = [pace.progress(epoch, step) for epoch in range(epochs) for step in range(steps)]
    assert way == [i / (epochs * steps) for i in range(epochs * steps)]
    assert pace.goes_on(epochs - 1, 0)
    assert not pace.goes_on(epochs, 0)


@pytest.mark.parametrize(
    ("epochs", "steps", "kept"),
    [
        (20, 27, list(range(20))),
        (3, 2, [0, 1, 2]),
        (300, 1, list(range(15, 300, 16))),
        (10, 1, [1, 3, 5, 7, 9]),
    ],
)
def test_steady__keeps_short_epochs_now_and_then(epochs: int, steps: int, kept: list[int]) -> None:
    pace = Steady(epochs, steps)
    assert [epoch for epoch in range(epochs) if pace.end_epoch(epoch)] == kept


@dataclass
class Learner:
    """A network of a made run."""

    pace: Budgeted
    photos: int
    asked: int
    epoch: int = 0
    left: int = 0
    views: int = 0
    busy: bool = False
    ended: bool = False
    way: list[float] = field(default_factory=list)
    told: list[int] = field(default_factory=list)


class Simulation:
    """A run whose steps take as long as ``cost`` says: seconds a view, at a time."""

    def __init__(self, seconds: float, cost: Callable[[float], float], share: float = 1.0) -> None:
        self.now = 12.0
        self.share = share
        self.cost = cost
        self.notes: list[str] = []
        self.table = Timetable(
            Budget(seconds, 0.0, lambda: self.now, lambda: CORES * self.now * self.share),
            usual=USUAL,
            side=160,
            asked_side=192,
            rest=REST,
            cores=CORES,
            note=self.notes.append,
        )
        self.learners: dict[str, Learner] = {}
        self.kept = 0
        self.add("final", PHOTOS)
        self.add("holdout", 218)
        self.run()

    def add(self, name: str, photos: int) -> None:
        self.table.join(name, photos, PHOTOS)
        told: list[int] = []
        pace = Budgeted(self.table, name, told.append, self.keep, BATCH)
        self.learners[name] = Learner(pace, photos, PHOTOS, left=photos, told=told)

    def keep(self) -> None:
        self.kept += 1

    def run(self) -> None:
        """Let networks take steps on two cores until all have ended and no more fit."""
        events: list[tuple[float, int, Learner, int]] = []
        number = 0
        while True:
            if self.table.decide([Wish([(143, PHOTOS)])], LACKING) is not None:
                self.add("left out 1", 143)
            waiting = [one for one in self.learners.values() if not one.busy and not one.ended]
            waiting.sort(key=lambda one: one.pace.progress(0, 0))
            while len(events) < CORES and waiting:
                number += 1
                events.append(self.begin(waiting.pop(0), number))
                heapq.heapify(events)
            if not events:
                return
            self.now, _, one, views = heapq.heappop(events)
            self.end(one, views)

    def begin(self, one: Learner, number: int) -> tuple[float, int, Learner, int]:
        one.busy = True
        if not one.left:
            one.pace.end_epoch(one.epoch)
            one.epoch, one.left = one.epoch + 1, one.photos
        a_view = self.cost(self.now)
        if one.pace.goes_on(one.epoch, 0):
            views = min(BATCH, one.left)
            return self.now + views * a_view, number, one, views
        one.pace.end_epoch(one.epoch)
        return self.now + one.asked * 0.8 * 1.44 * self.cost(self.now), number, one, 0

    def end(self, one: Learner, views: int) -> None:
        one.busy = False
        if not views:
            one.ended = True
            name = next(name for name, other in self.learners.items() if other is one)
            self.table.leave(name)
            return
        one.left -= views
        one.views += views
        one.pace.learned(views)
        one.way.append(one.pace.progress(0, 0))

    def epochs(self, name: str) -> float:
        return self.learners[name].views / self.learners[name].photos


@pytest.mark.parametrize("seconds", [60, 90, 180, 400])
@pytest.mark.parametrize("drift", ["steady", "slower", "quicker", "half way twice as slow"])
def test_timetable__ends_when_it_should_whatever_the_machine_does(
    seconds: float, drift: str
) -> None:
    def cost(now: float) -> float:
        share = min(1.0, now / seconds)
        return (
            0.023
            * {
                "steady": 1.0,
                "slower": 1 + share,
                "quicker": 2 / (1 + share),
                "half way twice as slow": 1 + (share > 0.5),
            }[drift]
        )

    run = Simulation(seconds, cost)
    assert 0.9 * seconds <= run.now + REST <= 1.02 * seconds
    for one in run.learners.values():
        assert one.way == sorted(one.way)
        assert 0.97 <= one.way[-1] <= 1
    assert len(run.notes) == 1


@settings(max_examples=15)
@given(st.floats(40, 300), st.floats(0.01, 0.05))
def test_timetable__of_a_longer_budget_never_trains_less(seconds: float, cost: float) -> None:
    short, long = (Simulation(s, lambda _: cost) for s in (seconds, 1.25 * seconds))
    if len(short.learners) == len(long.learners):
        assert short.epochs("final") <= long.epochs("final") + 0.1
    assert len(short.learners) <= len(long.learners)
    assert long.epochs("final") <= MOST_EPOCHS * USUAL + 1


def test_timetable__stops_where_more_would_not_help() -> None:
    run = Simulation(3600, lambda _: 0.02)
    assert run.now < 1000
    assert run.epochs("final") == pytest.approx(round(MOST_EPOCHS * USUAL), abs=0.1)
    assert run.table.time_for([(143, PHOTOS), (143, PHOTOS)])
    assert not run.table.time_for([(10**6, PHOTOS)])
    (line,) = run.table.look_back()
    assert line.endswith(" min before its budget: more time would not make it better")
    assert run.kept > 5


def test_timetable__too_short_a_budget_trains_a_little_all_the_same() -> None:
    run = Simulation(10, lambda _: 0.02)
    assert [one.views for one in run.learners.values()] == [FLOOR, 216]  # whole steps
    (line,) = run.table.look_back()
    assert line == (
        f"took {say_duration(run.now - 10)} longer than its budget: reading, a pass over the photos and "
        "writing take that long here"
    )


def test_timetable__ends_earlier_where_others_want_the_cores_as_well() -> None:
    alone, beside = (Simulation(200, lambda _: 0.04, share).now for share in (1.0, 0.4))
    # What comes after the networks takes 2.5 times as long.
    assert alone - beside == pytest.approx(1.5 * REST, abs=1.5)


def test_timetable__does_not_call_a_cautious_end_the_best_that_can_be() -> None:
    run = Simulation(300, lambda _: 0.02)
    run.now = 200.0
    assert run.epochs("final") < MOST_EPOCHS * USUAL - 1
    assert run.table.look_back() == []


def test_timetable__says_what_it_has_no_time_for() -> None:
    assert Simulation(60, lambda _: 0.03).notes == [
        (
            "budget 60 s: about 4 epochs of 2 networks; too short to measure how unknown figures "
            "are recognised"
        )
    ]
    assert Simulation(300, lambda _: 0.02).notes == ["budget 5 min: about 42 epochs of 3 networks"]


def test_timetable__tells_the_epochs_that_come_about() -> None:
    run = Simulation(90, lambda _: 0.02)
    for one in run.learners.values():
        assert one.told[-1] == one.epoch + 1 == math.ceil(one.views / one.photos)


def test_budgeted__says_so_when_time_is_up_right_after_an_epoch() -> None:
    now, told = 0.0, list[int]()
    budget = Budget(100, 0.0, lambda: now)
    table = Timetable(budget, usual=USUAL, side=160, asked_side=192, rest=REST)
    table.join("final", PHOTOS, PHOTOS)
    pace = Budgeted(table, "final", told.append, lambda: None, BATCH)
    assert pace.goes_on(0, 0)
    for _ in range(PHOTOS // BATCH):
        now += 0.1
        pace.learned(BATCH)
    pace.end_epoch(0)
    assert told[-1] > 1
    now = 99.0  # others were at work meanwhile
    assert not pace.goes_on(1, 0)
    assert told[-1] == 1


def test_timetable__goes_on_where_an_interrupted_run_was() -> None:
    now = 0.0
    table = Timetable(
        Budget(100, 0.0, lambda: now), usual=USUAL, side=160, asked_side=192, rest=REST
    )
    table.join("final", PHOTOS, PHOTOS)
    table.settle()
    pace = Budgeted(table, "final", lambda _: None, lambda: None, BATCH)
    pace.resume(3, 3 * PHOTOS, 0.25)
    assert table.decide([Wish([(143, PHOTOS)])]) is None
    assert pace.progress(3, 0) == 0.25
    assert table.left("final") == (USUAL - 3) * PHOTOS  # until its speed is known
