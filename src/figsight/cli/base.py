"""The command line's own ground: the group, its options for DATA, and how errors end.

Results go to standard output; progress, notes and errors to standard error. An error that a person
can mend is one line after ``figsight:`` and exit code 2. Long lines break between words in a terminal,
and nowhere else.
"""

from __future__ import annotations

import errno
import io
import os
import re
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from figsight.errors import FigsightError, OutputError, RecipeError, Remedy, UnreadablePhotosError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from figsight.dataset import Dataset

FAILED = 2
OPTIONS = {  # what a caller in Python does is an option here
    Remedy.OVERWRITE: "give --overwrite",
    Remedy.SKIP_BAD: "--skip-bad continues without them",
}
JOURNEY = ("show", "audit", "train", "predict", "evaluate", "demo")
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PLAIN = (  # for what click says of numbers
    (r"is not a valid integer( range)?", "is not a whole number"),
    (r"is not a valid float( range)?", "is not a number"),
    (r"is not in the range x>=(\S+)", r"is less than \1"),
    (r"is not in the range (\S+?)<=?x<=?(\S+)", r"is not between \1 and \2"),
)
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # where nothing more can be written
SEED = click.IntRange(0, 2**31 - 1)


class UnusableLineError(click.ClickException):
    """A command line that cannot be read, told in one line."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Write it to standard error."""
        del file
        say(f"figsight: {self.message}", err=True)


def _in_one_line(error: click.UsageError) -> click.ClickException:
    """Return an error of the command line as one line that says where to read on."""
    if type(error).show is not click.UsageError.show:
        return error  # the help, where nothing was asked for
    said = " ".join(error.format_message().split()).removesuffix(".").replace(". (", " (")
    if said.split(" ", 1)[0] in ("Invalid", "Missing", "No", "Got", "Option"):
        said = said[0].lower() + said[1:]
    for pattern, words in _PLAIN:
        said = re.sub(pattern, words, said)
    where = "" if error.ctx is None else f"; {error.ctx.command_path} --help tells more"
    return UnusableLineError(said + where)


def _is_closed(stream: object) -> bool:
    """Say whether Python found nothing where a stream of this process should be."""
    return stream is None


class Command(click.Group):
    """A group whose errors, its own and click's, end with one line and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the subcommands in the order in which people need them."""
        return sorted(super().list_commands(ctx), key=JOURNEY.index)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read what stands before the subcommand."""
        if _is_closed(sys.stderr):
            sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - to the end
        if _is_closed(sys.stdout):
            # Files that are opened later would get its number, and be printed into.
            raise UnusableLineError(
                "standard output: expected one that can be written, found a closed one; send it to "
                f"{os.devnull} if nobody is to read it"
            )
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise _in_one_line(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand."""
        # Read when numpy is loaded: its threads spin while they wait for each other. Beside other work
        # a decomposition of a second took twenty, and alone it is hardly slower on one thread.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A file's name may be bytes that are no text: show them, as standard error does.
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _in_one_line(error) from error
        except FigsightError as error:
            if isinstance(error, UnreadablePhotosError):
                for failure in error.failures:
                    complain("unreadable", failure)
            complain("figsight", error)
            ctx.exit(FAILED)
        except OSError as error:
            if error.filename is not None or error.errno not in FULL:
                raise
            click.echo(f"figsight: standard output: cannot be written ({error.strerror})", err=True)
            # What is still waiting to be written would fail once more when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(FAILED)


def complain(who: str, error: FigsightError) -> None:
    """Write an error as one line, whatever characters a file's name put into it."""
    from figsight.dataset.names import printable

    say(f"{who}: {printable(error.say(OPTIONS), 4000)}", err=True)


def say(line: str, *, err: bool = False) -> None:
    """Write a line for people; in a terminal its words stay whole."""
    stream = sys.stderr if err else sys.stdout
    line = safe(line)
    if stream.isatty():
        try:
            width = os.get_terminal_size(stream.fileno()).columns
        except OSError:  # a terminal of another kind
            width = 0
        line = fold(line, width or 80)
    click.echo(line, err=err)


def fold(line: str, width: int) -> str:
    """Break a line between words, further rows two further in; a longer word is left to the terminal."""
    indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
    rows = textwrap.wrap(
        line,
        max(width, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(rows)


def tell_pictures(pages: Sequence[Path]) -> None:
    """Say where pictures have been written, whole, to be copied; and which of an earlier run are left.

    Those are not removed: ``out-2.png`` may also have been drawn under just that name.
    """
    for page in pages:
        click.echo(safe(f"picture: {page}"), err=True)
    left = list(_find_older(pages))
    if left:
        more = f" to {left[-1].name}" if len(left) > 1 else ""
        click.echo(safe(f"left from an earlier run: {left[0]}{more}"), err=True)


def _find_older(pages: Sequence[Path]) -> Iterator[Path]:
    """Yield the pages after the last one that are there, and were drawn by figsight, too."""
    from figsight.drawing import check_picture

    first, number = pages[0], len(pages) + 1
    while (page := first.with_stem(f"{first.stem}-{number}")).exists():
        try:
            check_picture(page)
        except OutputError:  # somebody else's
            return
        yield page
        number += 1


def name_program() -> str:
    """Return how figsight was called, as a shell would find it again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" and called.parent.name == "figsight":
        return f"{shlex.quote(sys.executable)} -m figsight"
    found = shutil.which("figsight")
    if called.stem != "figsight" or (found is not None and Path(found) == called):
        return "figsight"
    return shlex.quote(sys.argv[0])


def as_word(path: object) -> str:
    """Return a path as it is typed: what begins with a dash would be an option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def safe(line: str) -> str:
    """Return a line as it may go to a terminal: names from outside neither break nor steer it.

    Control characters, line ends and turns of the writing direction are shown as escapes; spaces of
    all kinds, and what joins emoji, stay.
    """
    return _STEERING.sub(lambda found: repr(found[0])[1:-1], line)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a CSV is to be read."""
    for name, what in (
        ("name", "the figures' names"),
        ("group", "what belongs together (patient, session)"),
        ("split", "train, val or test"),
        ("label", "their figures"),
        ("path", "the photos' files"),
    ):
        command = click.option(
            f"--{name}-column", metavar="NAME", help=f"Column of a CSV that holds {what}."
        )(command)
    return command


def read_data(data: str, options: dict[str, Any], *, skip_missing: bool) -> Dataset:
    """Read DATA as the options for a CSV say; without photos that are not there, if so wished."""
    from figsight.dataset import read

    columns = {key: options[key] for key in list(options) if key.endswith("_column")}
    return read(data, **columns, skip_missing=skip_missing)


def refuse_unheard(names: tuple[str, ...], folds: int | None) -> None:
    """Raise when an option was given that would be ignored."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            goes = "goes with --folds only" if folds is None else "does not go with --folds"
            raise click.UsageError(f"--{name.replace('_', '-')} {goes}")


def keep_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that chooses the line to unknown."""
    return click.option(
        "--keep",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="SHARE",
        help="Share of known photos that are not to be called unknown, e.g. 0.9: fewer strangers get a "
        "name (default: the model's own, 0.95 where photos were enough; `train` lists what it has).",
    )(command)


def aim_options(when: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options that say which of two figures is looked for, and how much of it is to be found.

    Args:
        when: Stands before their help: with what else they go.
    """
    of_two = f"{when}, of two figures" if when else "Of two figures"

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option(
            "--sensitivity",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            metavar="SHARE",
            show_default="0.95",
            help=f"{of_two}: how much of that one a threshold is to find.",
        )(command)
        return click.option(
            "--positive",
            metavar="FIGURE",
            show_default="the second",
            help=f"{of_two}: the one that is looked for; sensitivity, ROC AUC and threshold are of it.",
        )(command)

    return add


def refuse_two_clocks(budget: float | None, epochs: int | None) -> None:
    """Raise when both were given: a budget plans the epochs itself."""
    if budget is not None and epochs is not None:
        raise click.UsageError("--budget plans the epochs itself: leave it or --epochs out")


class Span(click.ParamType):  # type: ignore[type-arg]  # generic in newer click only
    """A time like 90s, 5m or 1h30m, as seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        from figsight.training.budget import read_span

        try:
            return read_span(value)
        except RecipeError as error:
            self.fail(str(error), param, ctx)


def _tell_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        import figsight

        click.echo(f"figsight, version {figsight.__version__}")
        context.exit()


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_tell_version,
    help="Show the version and exit.",
)
def main() -> None:
    """From a folder of photos to a classifier you can trust, on a laptop, offline.

    DATA is a folder of class folders (also under train, val and test), a CSV, the Kaggle LEGO
    layout, a zip of any of these, or kaggle:owner/name.
    """
