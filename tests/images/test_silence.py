"""What libtiff writes stays out of a decode, and in everywhere else."""

from __future__ import annotations

import io
import logging
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from figsight.errors import PhotoError
from figsight.images import decode
from figsight.images.silence import silent

if TYPE_CHECKING:
    from collections.abc import Callable

needs_libtiff = pytest.mark.skipif(
    sys.platform == "win32", reason="nobody can reach Pillow's libtiff there"
)


def broken_tiff() -> bytes:
    """A compressed TIFF whose pixels are cut off: libtiff itself says so."""
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(stream, "TIFF", compression="tiff_lzw")
    data = bytearray(stream.getvalue())
    data[8:2000] = b"\xff" * 1992
    return bytes(data)


def _load(data: bytes) -> None:
    with pytest.raises(OSError, match="decoder error"), Image.open(io.BytesIO(data)) as image:
        image.load()


def _in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@needs_libtiff
def test_decode__lets_libtiff_say_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    data = broken_tiff()
    with pytest.raises(PhotoError, match="found a damaged one"):
        decode(data)
    assert capfd.readouterr().err == ""


@needs_libtiff
def test_silent__leaves_other_threads_what_libtiff_says(capfd: pytest.CaptureFixture[str]) -> None:
    data = broken_tiff()
    with silent():
        _load(data)
        assert capfd.readouterr().err == ""
        _in_thread(lambda: _load(data))
        said = capfd.readouterr().err
    assert said.startswith("tempfile.tif: ")
    _load(data)
    assert capfd.readouterr().err == said


def test_silent__keeps_pillows_log_to_other_threads(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("PIL.TiffImagePlugin")
    with silent():
        log.error("here")
        _in_thread(lambda: log.error("there"))
    log.error("after")
    assert caplog.messages == ["there", "after"]
