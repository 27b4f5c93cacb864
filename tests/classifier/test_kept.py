"""Errors that somebody keeps do not keep the photos that they are about."""

from __future__ import annotations

import gc
import io
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from figsight.errors import PhotoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from figsight.classifier import Classifier

UPLOAD = 1_000_000
BAD = b"\x89PNG\r\n\x1a\n" + bytes(UPLOAD)


def one_error(results: Any) -> None:
    (error,) = results
    raise error


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda model: model.predict(bytes(UPLOAD)), id="bytes"),
        pytest.param(lambda model: model.predict(BAD + b"1"), id="damaged"),
        pytest.param(lambda model: model.predict(bytearray(UPLOAD)), id="buffer"),
        pytest.param(lambda model: model.predict(io.BytesIO(BAD + b"1")), id="file"),
        pytest.param(lambda model: model.predict([BAD + b"1", BAD + b"2"]), id="list"),
        pytest.param(lambda model: one_error(model.predict_each([BAD + b"1"])), id="each"),
        pytest.param(lambda model: model.prepare(BAD + b"1"), id="prepare"),
        pytest.param(lambda model: model.explain(BAD + b"1"), id="explain"),
        pytest.param(lambda model: model.activation_map(BAD + b"1", "1"), id="map"),
    ],
)
def test_classifier__errors_that_are_kept_keep_no_photo(
    classifier: Classifier, ask: Callable[[Classifier], object]
) -> None:
    def attempt() -> PhotoError:
        with pytest.raises(PhotoError) as caught:
            ask(classifier)
        return caught.value

    attempt()
    tracemalloc.start()
    try:
        kept = [attempt() for _ in range(20)]
        gc.collect()  # pytest's own knots
        assert tracemalloc.get_traced_memory()[0] < UPLOAD
    finally:
        tracemalloc.stop()
    assert len(kept) == 20
