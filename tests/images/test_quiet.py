"""Pillow's warnings stay out of a decode, and in everywhere else."""

from __future__ import annotations

import copy
import io
import pickle
import struct
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from figsight.images import decode
from figsight.images.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable


def tiff_with_a_corrupt_tag() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(stream, "TIFF", tiffinfo={270: "a description"})
    data = bytearray(stream.getvalue())
    at = data.index(struct.pack("<HH", 270, 2))
    data[at + 4 : at + 8] = struct.pack("<L", 10**6)  # longer than the file
    return bytes(data)


def test_decode__does_not_warn_of_what_it_can_read() -> None:
    data = tiff_with_a_corrupt_tag()
    with pytest.warns(UserWarning, match="270"):
        Image.open(io.BytesIO(data))
    assert (decode(data) == (255, 0, 0)).all()  # warnings are errors in these tests


def test_quiet__ends_with_its_block() -> None:
    with quiet(), quiet():
        warnings.warn("within", stacklevel=1)
    with pytest.raises(UserWarning, match="after"):
        warnings.warn("after", stacklevel=1)


def test_quiet__ends_with_an_error() -> None:
    with pytest.raises(KeyError), quiet():
        raise KeyError
    with pytest.raises(UserWarning, match="after"):
        warnings.warn("after", stacklevel=1)


def test_quiet__leaves_other_threads_their_warnings() -> None:
    caught: list[str] = []
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with quiet():
            inside.set()
            done.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(5)
    try:
        warnings.warn("from another thread", stacklevel=1)
    except UserWarning as warning:
        caught.append(str(warning))
    done.set()
    thread.join()
    assert caught == ["from another thread"]


def test_quiet__does_not_grow_the_filters() -> None:
    with quiet():
        before = len(warnings.filters)
    for action in ("error", "always", "error"):
        warnings.simplefilter(action)
        with quiet():
            warnings.warn("within", stacklevel=1)
    assert len(warnings.filters) <= before + 2


def test_quiet__leaves_scikit_learn_filters_that_it_can_copy() -> None:
    from sklearn.ensemble import RandomForestClassifier

    decode(np.zeros((4, 4, 3), np.uint8))  # warnings are put back after each test
    found = RandomForestClassifier(3, n_jobs=2).fit([[0.0], [1.0]], [0, 1]).predict([[1.0]])
    assert found.shape == (1,)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])  # noqa: S301
def test_quiet__leaves_a_filter_whose_copy_matches_nothing(
    copied: Callable[[Any], Any],
) -> None:
    with quiet():
        ours = [one[1] for one in warnings.filters if not isinstance(one[1], str)]
        patterns = [copied(one) for one in ours if type(one).__name__ == "_InsideQuiet"]
        assert [one.match("") for one in patterns] in ([], [None])  # none at all from 3.14 on
