from __future__ import annotations

import copy
import pickle

import pytest

from figsight import errors
from figsight.errors import FigsightError, MissingExtraError, PhotoError, UnreadablePhotosError

ODD = {
    "PhotoError": PhotoError("a.jpg", "it is damaged"),
    "PhotoTooLargeError": errors.PhotoTooLargeError("a.jpg", "it is too large"),
    "UnreadablePhotosError": UnreadablePhotosError(
        "two", [PhotoError("a", "b"), PhotoError("c", "d")]
    ),
    "MissingExtraError": MissingExtraError("training", "train"),
}
ALL = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, FigsightError)
]


@pytest.mark.parametrize("kind", ALL)
def test_errors__come_back_whole_from_another_process(kind: type[FigsightError]) -> None:
    error = ODD.get(kind.__name__) or kind("what was expected, what was found")
    sent = pickle.dumps(error)
    for found in (pickle.loads(sent), copy.deepcopy(error), copy.copy(error)):  # noqa: S301 - our own
        assert type(found) is type(error) is kind
        assert str(found) == str(error)
        for name in ("path", "reason", "what", "extra"):
            assert getattr(found, name, None) == getattr(error, name, None)
        failures = getattr(error, "failures", ())
        assert list(map(str, getattr(found, "failures", ()))) == list(map(str, failures))
