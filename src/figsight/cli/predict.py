"""``figsight predict``."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from figsight.cli.base import FAILED, complain, keep_option, main, safe, say, tell_pictures
from figsight.cli.rules import never_unknown
from figsight.errors import PhotoError
from figsight.metrics.words import say_probability
from figsight.phrases import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from figsight.classifier import Classifier, Evidence, Prediction

COLUMNS = [  # of the table
    *("path", "class_id", "name", "probability", "unknown", "unknown_score", "found", "set"),
    "error",
]


@main.command(
    short_help="Name the figure on each photo.",
    epilog="Example: figsight predict model photo.jpg --picture out.png",
)
@click.argument("model")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO|FOLDER...")
@click.option(
    "--top",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="How many figures are named at most, the most probable first.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object a line, with path, class_id, name, probability, top, unknown, unknown_score, "
    "set and sought; null is what the model has no rule for. Of a photo that cannot be read: path and "
    "error.",
)
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="A table; where `unknown` is true, the name is only what the photo looks most like. `set` "
    "has the names that are to hold the right one, joined by '; '; `error` says why a photo has none.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="OUT.png",
    help="Draw each photo with its name and probability above it.",
)
@click.option(
    "--evidence",
    is_flag=True,
    help="Draw what spoke for each name, and the most similar training photos, into --picture.",
)
@keep_option
def predict(
    model: str,
    photos: tuple[str, ...],
    top: int,
    as_json: bool,
    as_csv: bool,
    picture: Path | None,
    evidence: bool,
    keep: float | None,
) -> None:
    """Name the figure on each photo."""
    from figsight.classifier import load
    from figsight.sources import find_others, is_folder  # brings numpy

    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")
    if evidence and picture is None:
        raise click.UsageError("--evidence goes with --picture only: say where to draw it")
    if picture is not None:
        from figsight.drawing import check_picture

        check_picture(picture)
    named = unknown = failures = folders = 0
    drawn: list[tuple[Prediction, Evidence | None]] = []
    with load(model, keep=keep) as classifier:
        calibration = classifier.manifest.calibration
        rule = None if calibration is None else calibration.unknown
        if rule is None:
            say(f"{never_unknown(calibration)}; every photo gets a name", err=True)
        write, record = _writer(as_json, as_csv, top), _recorder(as_json, as_csv)
        for result in _predict_each(classifier, photos, evidence):
            if isinstance(result, PhotoError):
                if is_folder(result.path):  # without pictures, or locked
                    folders += 1
                else:
                    failures += 1
                record(result)
                complain("figsight", result)
                continue
            write(result[0])
            unknown += bool(result[0].unknown)
            named += not result[0].unknown
            if picture is not None:
                drawn.append(result)
        if picture is not None and drawn:
            _draw(classifier, drawn, picture)
    _tell_others([other for photo in photos if is_folder(photo) for other in find_others(photo)])
    if named + unknown + failures > 1:
        say(_count(named, unknown if rule is not None else None, failures), err=True)
    if failures or folders:
        sys.exit(FAILED)


def _predict_each(
    classifier: Classifier, photos: tuple[str, ...], evidence: bool
) -> Iterator[tuple[Prediction, Evidence | None] | PhotoError]:
    if evidence:
        yield from classifier.explain_each(list(photos))
        return
    for result in classifier.predict_each(list(photos)):
        yield result if isinstance(result, PhotoError) else (result, None)


def _draw(
    classifier: Classifier, drawn: list[tuple[Prediction, Evidence | None]], picture: Path
) -> None:
    from figsight.sheets import draw_evidence, draw_predictions, save_sheets

    explained = [(one.path, one, why) for one, why in drawn if why is not None]
    pages = (
        draw_evidence(explained, classifier.input)
        if explained
        else draw_predictions((one.path, one) for one, _ in drawn)
    )
    tell_pictures(save_sheets(pages, picture))


def _tell_others(files: list[str]) -> None:
    """Say how many files in folders were passed over."""
    if files:
        are, first = (
            ("file is no picture", "") if len(files) == 1 else ("files are no pictures", "first ")
        )
        say(f"{len(files)} {are} that figsight opens ({first}{files[0]})", err=True)


def _count(named: int, unknown: int | None, failures: int) -> str:
    """Say what became of many photos; ``None`` unknown ones where the model cannot tell."""
    parts = [f"{named} named"]
    if unknown is not None:
        parts.append(f"{unknown} unknown")
    if failures:
        parts.append(f"{failures} unreadable")
    return f"{count(named + (unknown or 0) + failures, 'photo')}: {', '.join(parts)}"


def _writer(as_json: bool, as_csv: bool, top: int) -> Callable[[Prediction], None]:
    if as_json:
        # In ASCII it is JSON in every locale, whatever bytes the photo's name is made of.
        return lambda one: click.echo(json.dumps(one.to_dict(top)))
    if as_csv:
        _echo_row(COLUMNS)
        return lambda one: _echo_row(_list_cells(one))
    return lambda one: say(_describe(one, top))


def _recorder(as_json: bool, as_csv: bool) -> Callable[[PhotoError], None]:
    """Return what notes a photo without an answer, so that there is a line for each photo."""
    if as_json:
        return lambda one: click.echo(json.dumps({"path": one.path, "error": one.reason}))
    if as_csv:
        return lambda one: _echo_row([one.path, *[""] * (len(COLUMNS) - 2), one.reason])
    return lambda _: None  # people read standard error


def _list_cells(one: Prediction) -> list[str]:
    return [
        one.path,
        one.class_id,
        one.name,
        f"{one.probability:.6f}",
        "" if one.unknown is None else str(one.unknown).lower(),
        "" if one.unknown_score is None else f"{one.unknown_score:.6g}",
        "" if one.sought is None else str(one.sought.found).lower(),
        "; ".join(other.name for other in one.names or ()),
        "",
    ]


def _echo_row(cells: list[str]) -> None:
    row = io.StringIO()
    # Its own terminator: Python before 3.13 quotes only line ends that occur in it.
    csv.writer(row).writerow(cells)
    line = row.getvalue().removesuffix("\r\n")
    # Not by click, which takes escapes out of what goes to a file, and with them out of names.
    sys.stdout.write(f"{safe(line) if sys.stdout.isatty() else line}\n")
    sys.stdout.flush()


def _describe(prediction: Prediction, top: int) -> str:
    best = f"{prediction.name}, {say_probability(prediction.probability)}"
    if prediction.unknown:
        return f"{prediction.path}: unknown (looks most like {best}){_threshold(prediction)}"
    others = "; ".join(
        f"{one.name}, {say_probability(one.probability)}"
        for one in prediction.top[1:top]
        if one.probability >= 0.005
    )
    line = f"{prediction.path}: {best}"
    line = f"{line}  (then {others})" if others else line
    return line + _threshold(prediction) + _set(prediction, top)


def _set(prediction: Prediction, top: int) -> str:
    """Name the set that is to hold the right name, where it is more than the first name."""
    names = [one.name for one in prediction.names or ()]
    if len(names) < 2:
        return ""
    more = f"; and {len(names) - top} more" if len(names) > top else ""
    return f"  set of names: {'; '.join(names[:top])}{more}"


def _threshold(prediction: Prediction) -> str:
    """Say what the threshold of the figure that is to be found makes of it, where that is another."""
    sought = prediction.sought
    if sought is None or sought.found == (prediction.class_id == sought.class_id):
        return ""
    verdict = "counts" if sought.found else "does not count"
    own = f" with {say_probability(sought.probability)}" if prediction.unknown else ""
    return f"  {verdict} as {sought.name}{own}: that begins at {say_probability(sought.threshold)}"
