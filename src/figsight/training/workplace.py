"""The folder of an unfinished run: ``MODEL.training`` beside the model that it will become.

It holds the plan, a checkpoint a network, and what finished networks said of the photos that they
never saw. It goes when the model stands. Knows files; does not know networks.
"""

from __future__ import annotations

import json
import shutil
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save_file

from figsight.errors import OutputError
from figsight.files import write_whole, written_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


class Workplace:
    """One unfinished run.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, model: Path) -> None:
        self.folder = model.with_name(f"{model.name}.training")
        self._state = Lock()

    def open(self, *, resume: bool, overwrite: bool) -> None:
        """Make the folder, or take up the one that an interrupted run left.

        Raises:
            OutputError: There is an unfinished run and nobody said what to do with it; or none, and
                somebody wants to resume it; or the folder cannot be made.
        """
        begun = (self.folder / "plan.json").exists()
        if self.folder.exists() and not resume:
            if begun and not overwrite:
                raise OutputError(
                    f"{self.folder}: an unfinished training lies here; --resume goes on with it, "
                    f"--overwrite begins anew"
                )
            shutil.rmtree(self.folder)
        if resume and not begun:
            raise OutputError(
                f"{self.folder}: expected an unfinished training to resume, found none; leave "
                f"--resume out to begin one"
            )
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be made ({error.strerror})") from error

    def agree(self, plan: Mapping[str, Any]) -> None:
        """Write the plan down, or hold it against the one that the run began with.

        Raises:
            OutputError: They differ: going on would give a model that neither describes.
        """
        path = self.folder / "plan.json"
        text = json.dumps(plan, indent=2, sort_keys=True)
        if not path.exists():
            write_whole({path: text.encode()})
            return
        before = json.loads(path.read_text("utf-8"))
        now = json.loads(text)
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                was, now_is = _difference(before.get(key), now.get(key))
                raise OutputError(
                    f"{self.folder}: the unfinished training had {key} {was}, this one has "
                    f"{now_is}; resume with the same options and photos, or --overwrite"
                )

    def checkpoint(self, run: str) -> Path:
        """Return where the state of one network is kept."""
        return self.folder / f"{run.replace(' ', '-')}.safetensors"

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep how far a run with a budget has come, beside its checkpoints; as JSON."""
        with self._state:  # several networks keep it
            write_whole({self.folder / "state.json": json.dumps(state, indent=2).encode()})

    def load_state(self) -> dict[str, Any]:
        """Return what was kept; nothing when nothing was."""
        try:
            state: dict[str, Any] = json.loads((self.folder / "state.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return state

    def save_outputs(self, run: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep what a finished network said of photos that it never saw."""
        # Straight from where they lie: of many photos they are hundreds of megabytes, thrice as bytes.
        path = self._outputs(run)
        with written_whole(path) as part:
            try:
                save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, part)
            except SafetensorError as error:
                raise OutputError(
                    f"{path}: cannot be written ({error}); free some space"
                ) from error

    def load_outputs(self, run: str) -> dict[str, NDArray[Any]] | None:
        """Return what was kept; None when the network is not finished."""
        try:
            return load_arrays(self._outputs(run).read_bytes())
        except (FileNotFoundError, SafetensorError):
            return None

    def _outputs(self, run: str) -> Path:
        return self.folder / f"{run.replace(' ', '-')}.outputs.safetensors"

    def leave(self) -> None:
        """Clear the folder away unless an epoch lies in it that somebody may want to go on from."""
        if not any(self.folder.glob("*.safetensors")):
            self.remove()

    def remove(self) -> None:
        """Clear the folder away."""
        shutil.rmtree(self.folder)


def _difference(before: object, now: object) -> tuple[str, str]:
    """Show the first key in which two values differ, or the values."""
    if isinstance(before, dict) and isinstance(now, dict):
        key = next(k for k in sorted(before.keys() | now.keys()) if before.get(k) != now.get(k))
        was, now_is = _difference(before.get(key), now.get(key))
        return f"{key} {was}", f"{key} {now_is}"
    return str(before), str(now)
