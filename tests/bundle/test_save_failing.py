"""A model that cannot be written, or is not written to its end, changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bundle.make import (
    make_bundle,
    make_new_manifest,
    snapshot,
    temperature_of,
)

from figsight.bundle import save as save_module
from figsight.bundle import verify
from figsight.errors import OutputError


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("model", "mkdir"),
        ("model", "fsync"),
        ("model", "rename"),
        ("model.zip", "fsync"),
        ("model.zip", "replace"),
    ],
)
def test_write__leaves_no_trace_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: str, overwrite: bool
) -> None:
    path = tmp_path / name
    if overwrite:
        make_bundle(path)
    before = snapshot(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(save_module, "_exchange", fail)
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OutputError) as caught:
        make_bundle(path, make_new_manifest(), overwrite=overwrite)
    assert str(caught.value) == f"{path}: cannot be written (No space left on device)"
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_write__leaves_no_trace_when_it_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(error):
        make_bundle(tmp_path / "model")
    assert not list(tmp_path.iterdir())


_KILLED = """
import os, sys
from pathlib import Path
from tests.bundle.make import make_bundle
calls = 0
fsync = os.fsync
def die(descriptor):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os._exit(9)
    fsync(descriptor)
os.fsync = die
make_bundle(Path(sys.argv[1]), overwrite=True)
"""


@pytest.mark.parametrize("calls", [1, 9])
def test_write__killed_leaves_the_old_model(tmp_path: Path, calls: int) -> None:
    path = make_bundle(tmp_path / "model", make_new_manifest())
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(path), str(calls)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 9
    verify(path)
    assert temperature_of(path) == 2.0
