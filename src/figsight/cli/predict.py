"""``figsight predict``."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from figsight.cli.base import FAILED, complain, main
from figsight.errors import PhotoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from figsight.classifier import Classifier, Prediction


@main.command()
@click.argument("model")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO|FOLDER...")
@click.option("--top", default=5, show_default=True, type=click.IntRange(min=1), metavar="N")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="A table.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="OUT.png")
def predict(
    model: str,
    photos: tuple[str, ...],
    top: int,
    as_json: bool,
    as_csv: bool,
    picture: Path | None,
) -> None:
    """Name the figure on each photo."""
    from figsight.classifier import load

    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")
    failures = 0
    drawn: list[tuple[Any, Prediction]] = []
    with load(model) as classifier:
        write = _writer(as_json, as_csv, top)
        for result in _predict_each(classifier, photos):
            if isinstance(result, PhotoError):
                failures += 1
                complain("figsight", result)
                continue
            write(result)
            if picture is not None:
                drawn.append((result.path, result))
    if picture is not None and drawn:
        from figsight.sheets import draw_predictions, save_sheets

        for page in save_sheets(draw_predictions(drawn), picture):
            click.echo(f"picture: {page}", err=True)
    if failures:
        sys.exit(FAILED)


def _predict_each(
    classifier: Classifier, photos: tuple[str, ...]
) -> Iterator[Prediction | PhotoError]:
    return classifier.predict_each(list(photos))


def _writer(as_json: bool, as_csv: bool, top: int) -> Callable[[Prediction], None]:
    if as_json:
        # In ASCII it is JSON in every locale, whatever bytes the photo's name is made of.
        return lambda one: click.echo(json.dumps(one.to_dict(top)))
    if as_csv:
        _echo_row(["path", "class_id", "name", "probability"])
        return lambda one: _echo_row([one.path, one.class_id, one.name, f"{one.probability:.6f}"])
    return lambda one: click.echo(_describe(one, top))


def _echo_row(cells: list[str]) -> None:
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(cells)
    click.echo(row.getvalue())


def _describe(prediction: Prediction, top: int) -> str:
    others = ", ".join(
        f"{one.name} {one.probability:.1%}"
        for one in prediction.top[1:top]
        if one.probability >= 0.005
    )
    line = f"{prediction.path}: {prediction.name} {prediction.probability:.1%}"
    return f"{line}  (then {others})" if others else line
