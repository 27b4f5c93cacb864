from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from figsight import errors
from figsight.errors import (
    FigsightError,
    MissingExtraError,
    OutputError,
    PhotoError,
    Remedy,
    UnreadablePhotosError,
    letting_go,
)

ODD = {
    "PhotoError": PhotoError("a.jpg", "it is damaged"),
    "PhotoTooLargeError": errors.PhotoTooLargeError("a.jpg", "it is too large"),
    "UnreadablePhotosError": UnreadablePhotosError(
        "two", [PhotoError("a", "b"), PhotoError("c", "d")], remedy=Remedy.SKIP_BAD
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
        for name in ("path", "reason", "what", "extra", "remedy"):
            assert getattr(found, name, None) == getattr(error, name, None)
        failures = getattr(error, "failures", ())
        assert list(map(str, getattr(found, "failures", ()))) == list(map(str, failures))


def test_error__says_its_remedy_in_the_words_of_who_asks() -> None:
    error = OutputError("a.zip: is there: choose another name", remedy=Remedy.OVERWRITE)
    assert str(error) == "a.zip: is there: choose another name, or say that it may be overwritten"
    words = {Remedy.OVERWRITE: "give --overwrite"}
    assert error.say(words) == "a.zip: is there: choose another name, or give --overwrite"
    for found in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):  # noqa: S301 - our own
        assert found.say(words) == error.say(words)
    # What stands in the name of a file is no remedy.
    named = OutputError("say that it may be overwritten: no")
    assert named.say(words) == str(named) == "say that it may be overwritten: no"


def test_letting_go__takes_every_traceback_but_that_of_somebody_elses_error() -> None:
    theirs = RuntimeError("theirs")

    @letting_go
    def fail() -> None:
        error = PhotoError("a.jpg", "no")
        try:
            int("cause")
        except ValueError as cause:
            cause.__cause__ = error  # errors may go round in circles
            raise error from cause

    try:
        raise theirs
    except RuntimeError:
        with pytest.raises(PhotoError) as caught:
            fail()
    cause = caught.value.__cause__
    assert isinstance(cause, ValueError)
    assert cause.__context__ is theirs
    assert cause.__traceback__ is None
    assert theirs.__traceback__ is not None
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert "fail" not in frames
