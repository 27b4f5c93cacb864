"""The folder of an unfinished run: ``MODEL.training`` beside the model that it will become.

It holds the plan, a checkpoint a network, and what finished networks said of the photos that they
never saw. It goes when the model stands. Knows files; does not know networks.

A file that figsight puts there first marks the folder as its own, and is locked while a run is at
work. A folder without it is somebody else's, unless nothing is in it or a plan is (earlier versions
left no mark), and is never touched. Cleared away is only what figsight wrote.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save_file

from figsight.errors import OutputError
from figsight.files import PLAN, UNFINISHED, is_litter, write_whole, written_whole
from figsight.training.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

MARK = "figsight-training.lock"
STATE = "state.json"

_PLANNED = {"recipe", "seed", "photos"}  # what every plan says
_NETWORK = r"(final|holdout|(fold|left-out)-\d+)(-\(\d+\))?(\.outputs)?\.safetensors"
_KEPT = re.compile(_NETWORK)
_NAMES = rf"{re.escape(PLAN)}|{re.escape(STATE)}|{_NETWORK}"
# Pixels have no name, or lose it at once, unless the process is killed in between.
_PART = rf"\.(figsight-[0-9a-f]{{16}}|{_NAMES})\.\d+-\d+\.part"  # earlier versions wrote the latter
_OURS = re.compile(rf"{_NAMES}|{_PART}|tmp[a-z0-9_]{{8}}|pixels-\d+x\d+\.u8")
_CODE = re.compile(r"os error (\d+)")  # in what safetensors says
_LONGEST = 40  # letters of a value that is shown
_SHOWN_AS = {"order": "photos"}  # their paths


class _State(msgspec.Struct):
    """How far a run with a budget has come; see ``budget.state_of``."""

    spent: float
    settled: bool
    runs: list[str]
    ingredients: int


class Workplace:
    """One unfinished run.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, model: Path) -> None:
        if not model.name:
            raise OutputError(f"{model}: expected the name of a new model, found a folder")
        self.folder = model.with_name(f"{model.name}{UNFINISHED}")
        self._state = Lock()
        self._hopeless = False
        self._lock = FileLock(self.folder / MARK)

    def require_free(self) -> None:
        """Refuse at once a folder that somebody is at work in, or that is not ours; leaves it as it is."""
        if self._require_ours() and (self.folder / MARK).exists():
            if not self._lock.take():
                raise self._busy()
            self._lock.give_back()

    def open(self, *, resume: bool, overwrite: bool) -> None:
        """Make the folder, or take up the one that an interrupted run left; keep others out of it.

        Raises:
            OutputError: Something lies there that figsight did not make; or another run is at work;
                or there is an unfinished one and nobody said what to do with it; or none, or a
                damaged one, and somebody wants to resume it; or the folder cannot be made.
        """
        if not self._require_ours() and resume:
            raise self._nothing()
        try:
            free = self._enter()
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be made ({error.strerror})") from error
        if not free:
            raise self._busy()
        try:
            self._take_up(resume=resume, overwrite=overwrite)
        except OSError as error:
            self._lock.give_back()
            raise OutputError(f"{self.folder}: cannot be cleared ({error.strerror})") from error
        except BaseException:
            self._lock.give_back()
            raise

    def _take_up(self, *, resume: bool, overwrite: bool) -> None:
        """Look at what an earlier run left, now that nobody else does, or clear it away."""
        begun = (self.folder / PLAN).exists()
        if begun and not resume and not overwrite:
            raise OutputError(
                f"{self.folder}: an unfinished training lies here; --resume goes on with it, "
                f"--overwrite begins anew"
            )
        if resume and not begun:
            self.remove()
            raise self._nothing()
        if resume:
            self._load_plan()
            self.load_state()
        else:
            self._clear()

    def _require_ours(self) -> bool:
        """Return whether a folder is there that figsight may write to; False for nothing at all."""
        found = "a folder that figsight did not make"
        try:
            mode = self.folder.lstat().st_mode
            if stat.S_ISDIR(mode):
                everything = {path.name for path in self.folder.iterdir()}
                names = {n for n in everything if not (is_litter(n) or is_litter(n, folder=True))}
                if not names or self._is_ours(names):
                    return True
            else:
                found = "a link" if stat.S_ISLNK(mode) else "a file"
        except FileNotFoundError:
            return False
        except OSError as error:
            raise OutputError(
                f"{self.folder}: cannot be looked into ({error.strerror}); allow reading it, or "
                f"name another model"
            ) from error
        raise OutputError(
            f"{self.folder}: expected nothing, or the folder of an unfinished training, found "
            f"{found}; move it away, or name another model"
        )

    def _is_ours(self, names: set[str]) -> bool:
        mark, plan = self.folder / MARK, self.folder / PLAN
        if MARK in names and stat.S_ISREG(mark.lstat().st_mode):
            return True
        if PLAN not in names or not stat.S_ISREG(plan.lstat().st_mode):
            return False
        try:
            found = json.loads(plan.read_bytes())
        except (ValueError, RecursionError):  # damaged: then everything else must be ours, too
            return all(_OURS.fullmatch(name) for name in names)
        return isinstance(found, dict) and found.keys() >= _PLANNED

    def _enter(self) -> bool:
        """Make the folder and mark it; False when somebody else is at work in it."""
        while True:
            self.folder.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # whoever was at work here cleared it away meanwhile
                return self._lock.take()

    def _busy(self) -> OutputError:
        holder = self._lock.holder()
        who = "" if holder is None else f" (process {holder})"
        return OutputError(
            f"{self.folder}: another training is at work here{who}; wait for it, or name another model"
        )

    def _nothing(self) -> OutputError:
        return OutputError(
            f"{self.folder}: expected an unfinished training to resume, found none; leave "
            f"--resume out to begin one"
        )

    def can_resume(self) -> bool:
        """Say whether an unfinished training lies here that is not damaged."""
        try:
            self._load_plan()
            self.load_state()
        except OutputError:
            return False
        return True

    def agree(self, plan: Mapping[str, Any]) -> None:
        """Write the plan down, or hold it against the one that the run began with.

        Raises:
            OutputError: They differ: going on would give a model that neither describes.
        """
        path = self.folder / PLAN
        text = json.dumps(plan, indent=2, sort_keys=True)
        if not path.exists():
            write_whole({path: text.encode()})
            return
        before = self._load_plan()
        now = json.loads(text)
        if before.keys() != now.keys():
            raise OutputError(
                f"{self.folder}: the unfinished training was begun by another version of figsight; go on "
                f"with that one, or begin anew with --overwrite"
            )
        # The photos' paths before what follows from them.
        for key in sorted(now, key=lambda key: (key != "order", key)):
            if before[key] != now[key]:
                difference = _difference(key, before[key], now[key])
                raise OutputError(
                    f"{self.folder}: the unfinished training had {difference}; resume with the same "
                    f"options and photos, or --overwrite"
                )

    def _load_plan(self) -> dict[str, Any]:
        path = self.folder / PLAN
        try:
            plan = json.loads(self._read(path))
        except (ValueError, RecursionError):
            plan = None
        if not isinstance(plan, dict) or not plan.keys() >= _PLANNED:
            raise self._damaged(path)
        return plan

    def checkpoint(self, run: str) -> Path:
        """Return where the state of one network is kept."""
        return self.folder / f"{run.replace(' ', '-')}.safetensors"

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep how far a run with a budget has come, beside its checkpoints; as JSON."""
        with self._state:  # several networks keep it
            write_whole({self.folder / STATE: json.dumps(state, indent=2).encode()})

    def load_state(self) -> dict[str, Any]:
        """Return what was kept; nothing when nothing was.

        Raises:
            OutputError: The file is damaged, or cannot be read.
        """
        path = self.folder / STATE
        if not path.exists():
            return {}
        try:
            return msgspec.structs.asdict(msgspec.json.decode(self._read(path), type=_State))
        except (ValueError, RecursionError):
            raise self._damaged(path) from None

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise OutputError(f"{path}: cannot be read ({error.strerror})") from error

    def _damaged(self, path: Path) -> OutputError:
        return OutputError(
            f"{path}: expected what an unfinished training wrote, found a damaged file; begin anew "
            f"with --overwrite"
        )

    def save_outputs(self, run: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep what a finished network said of photos that it never saw."""
        # Straight from where they lie: of many photos they are hundreds of megabytes, thrice as bytes.
        path = self._outputs(run)
        with written_whole(path) as part:
            try:
                save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, part)
            except SafetensorError as error:
                code = _CODE.search(str(error))
                if code is None:
                    raise OutputError(f"{path}: cannot be written ({error})") from error
                raise OSError(int(code[1]), os.strerror(int(code[1]))) from error

    def load_outputs(self, run: str) -> dict[str, NDArray[Any]] | None:
        """Return what was kept; None when the network is not finished."""
        try:
            return load_arrays(self._outputs(run).read_bytes())
        except (FileNotFoundError, SafetensorError):
            return None

    def _outputs(self, run: str) -> Path:
        return self.folder / f"{run.replace(' ', '-')}.outputs.safetensors"

    def give_up(self) -> None:
        """Hear that the run would end as it did, whoever went on with it."""
        self._hopeless = True

    def leave(self) -> None:
        """Clear the folder away unless an epoch lies in it that somebody may want to go on from."""
        if not self._hopeless and any(
            _KEPT.fullmatch(path.name) for path in self.folder.glob("*.safetensors")
        ):
            self._lock.give_back()
        else:
            self.remove()

    def remove(self) -> None:
        """Clear away what figsight wrote, and the folder if nothing else is in it."""
        with suppress(OSError):  # what cannot be removed stays, and harms nothing
            self._clear()
        self._lock.give_back(remove=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _clear(self) -> None:
        """Remove everything but the mark that figsight, or a file manager, has put there."""
        for path in list(self.folder.iterdir()):
            known = _OURS.fullmatch(path.name) or is_litter(path.name)
            if known and (path.is_symlink() or path.is_file()):
                path.unlink()


def _difference(key: str, before: object, now: object, again: str = "") -> str:
    """Say in a few words what a run had and this one has, as in "seed 0, this one has 1"."""
    if isinstance(before, dict) and isinstance(now, dict):
        inner = next(k for k in sorted(before.keys() | now.keys()) if before.get(k) != now.get(k))
        return f"{key} {_difference(inner, before.get(inner), now.get(inner), f'{inner} ')}"
    if isinstance(before, list) and isinstance(now, list):
        name = _SHOWN_AS.get(key, key)
        if len(before) != len(now):
            return f"{len(before)} {name}, this one has {len(now)}"
        others = sum(was != now_is for was, now_is in zip(before, now, strict=True))
        return f"other {name}, {others} of {len(now)}"
    return f"{key} {_shorten(before)}, this one has {again}{_shorten(now)}"


def _shorten(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
