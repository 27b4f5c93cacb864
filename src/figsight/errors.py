"""Everything that figsight raises on purpose, as one tree.

    FigsightError                 catch this for "the input was not good"
    ├── DataError                 a set of photos cannot be used as it is
    │   ├── PhotoError            one picture cannot be decoded
    │   │   └── PhotoTooLargeError   it would need more memory than we allow
    │   ├── UnreadablePhotosError several pictures of a set cannot be decoded
    │   └── ArchiveError          a zip is damaged, hostile or too large
    ├── RecipeError               a training run is described wrongly
    ├── WeightsError              pretrained weights are missing or do not fit
    ├── BundleError               a model is damaged, hostile or from the future
    ├── OutputError               a result cannot be written where it was asked for
    └── MissingExtraError         an optional part of figsight is not installed

Each message is one line: what was expected, what was found, what to do. The command line prints it
after ``figsight:`` and ends with exit code 2. Anything else that escapes is a bug. What to do is a
``Remedy`` where a caller in Python does it in another way than somebody at the command line.
"""

from __future__ import annotations

import sys
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Remedy(Enum):
    """What can be done about an error, or a refusal, with the words for a caller in Python."""

    OVERWRITE = "say that it may be overwritten"
    ADD_PHOTOS = "add photos"
    SKIP_BAD = "let skip_bad leave them out"


class FigsightError(Exception):
    """Base of every error that figsight raises on purpose.

    Attributes:
        remedy: What can be done besides what the message says; None for most.
    """

    def __init__(self, message: str = "", *, remedy: Remedy | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        return self.say({})

    def say(self, words: Mapping[Remedy, str]) -> str:
        """Return the message, its remedy in the words of who asks; in those for Python by default."""
        said = super().__str__()
        if self.remedy is None:
            return said
        return f"{said}, or {words.get(self.remedy, self.remedy.value)}"


class DataError(FigsightError):
    """A set of photos cannot be used as it is."""


class PhotoError(DataError):
    """One picture cannot be decoded.

    Attributes:
        path: What the picture is called, for people; may be ``"<bytes>"`` or the like.
        reason: Why it cannot be decoded, without the path.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[PhotoError], tuple[str, str]]:
        """Go to another process, as what it was made of."""
        return type(self), (self.path, self.reason)


class PhotoTooLargeError(PhotoError):
    """Decoding the picture would need more memory than figsight allows (a decompression bomb)."""


class UnreadablePhotosError(DataError):
    """Several pictures of a set cannot be decoded.

    Attributes:
        failures: One ``PhotoError`` a picture, in the order of the set.
    """

    def __init__(
        self, message: str, failures: Sequence[PhotoError], *, remedy: Remedy | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.failures = tuple(failures)

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process, as what it was made of."""
        return type(self), (*self.args, self.failures), {"remedy": self.remedy}


class ArchiveError(DataError):
    """A zip is damaged, hostile (path traversal, links) or too large when unpacked."""


class RecipeError(FigsightError):
    """A training run is described wrongly; the message holds the full path of the key."""


class WeightsError(FigsightError):
    """Pretrained weights are missing, or do not fit the backbone."""


class BundleError(FigsightError):
    """A model cannot be opened: damaged, hostile, or written by a later figsight."""


class OutputError(FigsightError):
    """A result cannot be written where it was asked for."""


class MissingExtraError(FigsightError):
    """An optional part of figsight is not installed; the message holds the install command."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part: pip install 'figsight[{extra}]'")
        self.what = what
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Go to another process, as what it was made of."""
        return type(self), (self.what, self.extra)


def letting_go(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Make the ``PhotoError`` of a function hold its words, and those of its causes, and nothing else.

    Errors may be collected, all those of a thousand uploads. A traceback holds the frames that the
    error came through and all that called them, and these hold the bytes and pixels of the photo.
    """

    @wraps(function)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        handled = sys.exception()  # somebody else's, and none of our business
        try:
            return function(*args, **kwargs)
        except PhotoError as error:
            _forget_frames(error, handled)
            del args, kwargs, handled
            raise

    return call


def _forget_frames(error: BaseException, end: BaseException | None) -> None:
    """Take the tracebacks from an error and all that led to it, back to ``end``."""
    found, seen = [error], {id(end)}  # an error may have led to itself
    while found:
        one = found.pop()
        if id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            found += [led for led in (one.__cause__, one.__context__) if led is not None]
