"""What every test may use: the real photographs, where they are present."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No deadlines: a busy machine must not fail a test. No database: tests leave nothing behind.
settings.register_profile(
    "figsight",
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("figsight")


def _real_photographs(path: Path) -> Path:
    if path.exists():
        return path
    message = f"needs the real photographs: set FIGSIGHT_LEGO to their folder (looked for {path})"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def lego() -> Path:
    """The folder of the public LEGO minifigure photographs; skips without it, fails in CI."""
    return _real_photographs(Path(os.environ.get("FIGSIGHT_LEGO", "FIGSIGHT_LEGO-is-not-set")))


@pytest.fixture(scope="session")
def bad_images(lego: Path) -> Path:
    """The folder of awkward and hostile picture files beside the LEGO photographs."""
    return _real_photographs(lego.parent / "bad-images")


@pytest.fixture(scope="session")
def unknown_figures(lego: Path) -> Path:
    """Pictures of other minifigures, beside the LEGO photographs."""
    return _real_photographs(lego.parent / "unknown-figures")


@pytest.fixture(scope="session")
def chest_xrays(lego: Path) -> Path:
    """The zip of chest X-rays beside the LEGO photographs."""
    return _real_photographs(lego.parent / "pneumonia" / "chest-xray-28px.zip")
