"""Training inside a budget of time: what steps really cost, and how many more of them fit.

Knows clocks, and networks as numbers of photos. Does not know torch, nor what a step does.

Nothing is known about a machine beforehand, and its speed may halve during a run. So the plan is made
anew at every step, from how many views a second there have been in the last seconds: all networks
that still learn get equally many passes over their photos, as many as fit before the end. Learning
rates and averages of weights go by how far a network is on its way to its planned end, whenever that
is.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, field
from numbers import Real
from threading import RLock
from typing import TYPE_CHECKING

from figsight.errors import RecipeError
from figsight.phrases import count, say_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_EPOCHS = 2.3  # times the recipe's epochs: beyond these, more of them make a network no better
ENOUGH = 0.75  # of the recipe's epochs: with fewer, all time goes into the networks there are
PLENTY = 1.3  # likewise: with as many, another ingredient is worth more than more epochs
MOST_INGREDIENTS = 6  # that a long budget buys a network
FLOOR = 256  # views that every network learns from, but not more than all, however short the budget
ANSWER = 0.8  # of what learning from a view takes: asking about a picture of the same size
REST = 0.03  # share of the budget that is kept for surprises
SLOWEST = 4.0  # times that others' work is taken to slow what comes after the networks
RECENT = 10.0  # seconds over which speed is measured
FIRST = 2  # steps of a network that are slow because they are its first
SETTLED = (2.0, 0.04, 20.0)  # seconds, share of the budget, seconds: least, usual and most
AGAIN = 1.2  # times what another network is expected to take: with less time left it is not begun

_SPAN = re.compile(r"(?=.)(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")


def read_span(text: str) -> float:
    """Read ``90s``, ``5m``, ``1h`` or ``1h30m`` as seconds.

    Raises:
        RecipeError: It is none of these; a number alone is not, for it could be either.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise RecipeError(f"expected a time like 90s, 5m or 1h30m, found {text!r}")
    return float(total)


@dataclass(frozen=True)
class Budget:
    """How long a training may take.

    Attributes:
        seconds: All in all.
        began: When the clock said that it began.
        clock: Seconds that only ever grow.
        work: Seconds that the processors have given to this process, all together.
    """

    seconds: float
    began: float = field(default_factory=time.perf_counter)
    clock: Callable[[], float] = time.perf_counter
    work: Callable[[], float] = time.process_time

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise RecipeError(f"budget: expected more than 0 seconds, found {self.seconds:g}")

    def spent(self) -> float:
        """Return how long it has taken up to now, in seconds."""
        return self.clock() - self.began

    def left(self) -> float:
        """Return how much is left; less than nothing when it is overdrawn."""
        return self.seconds - self.spent()


def start_budget(budget: float | Budget | None, epochs: int | None) -> Budget | None:
    """Return a budget of so many seconds that begins now; one that has begun is left as it is.

    Raises:
        RecipeError: It is no number, or not more than nothing, or epochs are given, too: it plans them
            itself.
    """
    given: object = budget  # by a caller who may not know its type
    if given is not None and not isinstance(given, Budget | Real):
        raise RecipeError(f"budget: expected seconds, found {given!r}; five minutes are 300")
    started = budget if isinstance(budget, Budget | None) else Budget(float(budget))
    if started is not None and epochs is not None:
        raise RecipeError(
            "budget: plans the epochs itself, found epochs too; leave one of them out"
        )
    return started


@dataclass(eq=False)
class _Network:
    photos: int  # views an epoch
    asked: int  # photos that it is asked about when it has learned
    done: float = 0.0  # views
    steps: int = 0
    ended: bool = False


@dataclass(frozen=True)
class Wish:
    """Further networks that a run would have with time enough.

    Attributes:
        networks: Photos of each, and how many it would be asked about.
        enough: Epochs that all networks must come to with them, as a share of the recipe's.
    """

    networks: Sequence[tuple[int, int]]
    enough: float = ENOUGH


def level(networks: Sequence[tuple[int, float]], views: float) -> float:
    """Return how many epochs all networks can come to with so many more views among them.

    Args:
        networks: Photos, and views that lie behind it, of each.
        views: How many more there is time for.

    Returns:
        Such that nobody who is there already gets more, and all others come to the same. The least
        that anybody has when there are no more views.
    """
    behind = sorted((done / photos, photos) for photos, done in networks)
    reached, width = behind[0][0], 0
    for epochs, photos in behind:
        needed = (epochs - reached) * width
        if needed > views:
            break
        views -= needed
        reached, width = epochs, width + photos
    return reached + max(0.0, views) / width


def choose(epochs_with: Sequence[tuple[float, float]], usual: int) -> int | None:
    """Choose what a run has time for, once its speed is known.

    Args:
        epochs_with: How many epochs fit with the further networks of each wish, the greatest wish
            first; and the share of the recipe's epochs that the wish needs.
        usual: The recipe's epochs.

    Returns:
        Which wish is granted; None: none of them.
    """
    granted = (i for i, (epochs, enough) in enumerate(epochs_with) if epochs >= enough * usual)
    return next(granted, None)


def list_wishes(
    there: Sequence[tuple[int, int]],
    others: Sequence[tuple[int, int]],
    usual: int,
    begun: int = 1,
) -> list[tuple[int, Wish]]:
    """List what a run would have with more time, the greatest first.

    Args:
        there: The networks that there are in any case: photos, and how many each is asked about.
        others: Those that it would like to have besides.
        usual: The recipe's ingredients.
        begun: How many ingredients each network has already.

    Returns:
        Ingredients of each network, and what that takes. Never the others without their ingredients,
        and never nothing.
    """
    wishes = []
    for ingredients in range(max(usual, MOST_INGREDIENTS), begun - 1, -1):
        networks = [*list(there) * (ingredients - begun), *list(others) * ingredients]
        if networks and (ingredients >= usual or ingredients == begun):
            wishes.append((ingredients, Wish(networks, PLENTY if ingredients > usual else ENOUGH)))
    return wishes


class Timetable:
    """The networks of a run against the clock. All methods may be called from several threads."""

    def __init__(
        self,
        budget: Budget,
        *,
        usual: int,
        side: int,
        asked_side: int,
        rest: float,
        cores: int = 1,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Begin to measure.

        Args:
            budget: What there is.
            usual: The recipe's epochs.
            side: Of its views, in pixels.
            asked_side: Of what its networks are asked about.
            rest: Seconds that are needed when all networks have ended, on a machine of its own.
            cores: That the networks keep busy when nobody else wants them.
            note: Is told what was decided, in words.
        """
        self.budget = budget
        self.usual = usual
        self.most = max(1, round(MOST_EPOCHS * usual))
        self._answer = ANSWER * (asked_side / side) ** 2
        self._rest, self._cores = rest, cores
        self._note = note
        self._lock = RLock()
        self._networks: dict[str, _Network] = {}
        self._chosen = False
        self._views = self._seconds = self._work = self._measured = 0.0
        self._last, self._worked = budget.clock(), budget.work()

    # ------------------------------------------------------------------------- networks

    def join(self, run: str, photos: int, asked: int) -> None:
        """Plan a network.

        Args:
            run: Its name.
            photos: How many it learns from.
            asked: How many it is asked about afterwards.
        """
        with self._lock:
            self._networks[run] = _Network(photos, asked)

    def learned(self, run: str, views: int) -> None:
        """Hear of a step that has ended."""
        with self._lock:
            now, network = self.budget.clock(), self._networks[run]
            passed, self._last = now - self._last, now
            worked = self.budget.work()
            work, self._worked = worked - self._worked, worked
            network.done += views
            network.steps += 1
            if network.steps <= FIRST and not self._chosen:
                self._views = self._seconds = self._work = self._measured = 0.0
                return
            fading = math.exp(-passed / RECENT)
            self._views = self._views * fading + views
            self._seconds = self._seconds * fading + passed
            self._work = self._work * fading + work
            self._measured += passed

    def resume(self, run: str, views: int) -> None:
        """Hear what lies behind a network that was interrupted."""
        with self._lock:
            self._networks[run].done = views

    def leave(self, run: str) -> None:
        """Hear that a network has ended, answers and all."""
        with self._lock:
            self._networks[run].ended = True

    # ------------------------------------------------------------------------- plans

    def epochs(self) -> float:
        """Return how many all networks that still learn are to come to, as things stand."""
        with self._lock:
            return min(float(self.most), self._fit(self._learning()))

    def left(self, run: str) -> float:
        """Return how many views a network has before it."""
        with self._lock:
            network = self._networks[run]
            least = min(FLOOR, network.photos)
            planned = max(least, self.epochs() * network.photos)
            return max(0.0, planned - network.done)

    def decide(self, wishes: Sequence[Wish], lacking: str = "") -> int | None:
        """Choose which further networks there are, once the speed is known.

        Args:
            wishes: The greatest first.
            lacking: What to say when none is granted.

        Returns:
            Whose networks to begin now; None: no one's, or it is not known yet.
        """
        with self._lock:
            least, share, most = SETTLED
            enough = min(most, max(least, share * self.budget.seconds))
            if self._chosen or self._measured < enough or not self._learning():
                return None
            self._chosen = True
            now = self._learning()
            with_them = [[*now, *(_Network(*one) for one in wish.networks)] for wish in wishes]
            fitting = [
                (self._fit(networks), wish.enough)
                for networks, wish in zip(with_them, wishes, strict=True)
            ]
            option = choose(fitting, self.usual)
            granted = [] if option is None else with_them[option][len(now) :]
            self._tell(granted, lacking if option is None else "")
            return option

    def settle(self) -> None:
        """Take over what was decided before an interruption."""
        with self._lock:
            self._chosen = True

    @property
    def settled(self) -> bool:
        """Whether it has been decided."""
        return self._chosen

    def time_for(self, networks: Sequence[tuple[int, int]]) -> bool:
        """Return whether there is time for further networks, each trained as long as it helps.

        Args:
            networks: Photos of each, and how many it would be asked about.
        """
        with self._lock:
            if not self._chosen or not self._seconds:
                return False
            return self._fit([_Network(*one) for one in networks]) >= AGAIN * self.most

    def look_back(self) -> list[str]:
        """Say when a run has ended long before or after its budget, and why."""
        left, room = self.budget.left(), 0.1 * self.budget.seconds
        full = all(one.done >= 0.99 * self.most * one.photos for one in self._networks.values())
        if left > room and full:
            return [
                f"ended {say_duration(left)} before its budget: more time would not make it better"
            ]
        if left < -room:
            late = f"took {say_duration(-left)} longer than its budget"
            return [f"{late}: reading, a pass over the photos and writing take that long here"]
        return []

    def _end(self) -> float:
        """Return when all networks must have ended, in seconds from the beginning of the budget."""
        # How much longer everything takes now than on a machine of its own.
        slow = self._cores * self._seconds / self._work if self._work else 1.0
        return self.budget.seconds * (1 - REST) - self._rest * min(SLOWEST, max(1.0, slow))

    def _learning(self) -> list[_Network]:
        return [one for one in self._networks.values() if not one.ended]

    def _fit(self, networks: Sequence[_Network]) -> float:
        if not networks or not self._seconds:
            return float(self.usual)
        seconds = self._end() - self.budget.spent()
        views = seconds * self._views / self._seconds
        views -= self._answer * sum(one.asked for one in networks)
        return level([(one.photos, one.done) for one in networks], max(0.0, views))

    def _tell(self, granted: Sequence[_Network], lacking: str) -> None:
        number = len(self._networks) + len(granted)
        planned = min(float(self.most), self._fit([*self._learning(), *granted]))
        line = f"budget {say_duration(self.budget.seconds)}: "
        epochs = max(1, round(planned))
        line += f"about {count(epochs, 'epoch')} of {count(number, 'network')}"
        self._note(f"{line}; {lacking}" if lacking else line)


def state_of(table: Timetable, runs: Sequence[str], ingredients: int) -> Mapping[str, object]:
    """Return what a resumed run has to know, as JSON values."""
    return {
        "spent": table.budget.spent(),
        "settled": table.settled,
        "runs": list(runs),
        "ingredients": ingredients,
    }
