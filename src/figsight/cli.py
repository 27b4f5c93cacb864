"""Words on a command line -> one call each. No logic.

Results go to standard output; progress, notes and errors to standard error. An error that a person
can mend is one line after ``figsight:`` and exit code 2.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from figsight.errors import FigsightError, PhotoError, UnreadablePhotosError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from figsight.classifier import Classifier, Prediction
    from figsight.dataset import Dataset
    from figsight.evaluation import Evaluation

FAILED = 2
SEED = click.IntRange(0, 2**31 - 1)
# What only a cross-validation listens to, and what only a finished model does.
FOR_FOLDS = ("repeats", "recipe", "backbone", "weights", "epochs", "seed", "work")
FOR_MODEL = ("split",)


class Command(click.Group):
    """A group whose own errors end with one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A file's name may be bytes that are no text: show them, as standard error does.
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except FigsightError as error:
            if isinstance(error, UnreadablePhotosError):
                for failure in error.failures:
                    _complain("unreadable", failure)
            _complain("figsight", error)
            ctx.exit(FAILED)


def _complain(who: str, error: FigsightError) -> None:
    """Write an error as one line, whatever characters a file's name put into it."""
    from figsight.dataset.names import printable

    click.echo(f"{who}: {printable(error, 4000)}", err=True)


def _data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a CSV is to be read."""
    for name, what in (
        ("path", "the photos' files"),
        ("label", "their figures"),
        ("split", "train, val or test"),
        ("group", "what belongs together (patient, session)"),
        ("name", "the figures' names"),
    ):
        command = click.option(
            f"--{name}-column", metavar="NAME", help=f"Column of a CSV that holds {what}."
        )(command)
    return command


def _read(data: str, options: dict[str, Any]) -> Dataset:
    from figsight.dataset import read

    return read(data, **{key: options[key] for key in list(options) if key.endswith("_column")})


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="figsight", prog_name="figsight")
def main() -> None:
    """From a folder of photos to a classifier you can trust, on a laptop, offline.

    DATA is a folder of class folders (also under train, val and test), a CSV, the Kaggle LEGO
    layout, a zip of any of these, or kaggle:owner/name.
    """


@main.command()
@click.argument("data")
@click.option("-o", "--output", required=True, metavar="MODEL", help="The model to write.")
@click.option(
    "--recipe", default="quick", show_default=True, help="quick, densenet121, or a .toml."
)
@click.option("--backbone", metavar="NAME", help="Another convolutional timm network.")
@click.option("--weights", metavar="FILE", help="Start from a safetensors file, or 'random'.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the photos.")
@click.option("--folds", type=click.IntRange(min=0), help="Networks that measure; 0 for none.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of everything random.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    help="What to train on.",
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted training.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--skip-bad", is_flag=True, help="Leave unreadable photos out.")
@click.option("--no-thumbnails", is_flag=True, help="Keep the photos out of the model.")
@_data_options
def train(data: str, output: str, recipe: str, no_thumbnails: bool, **options: Any) -> None:
    """Train a model on DATA."""
    from figsight.console import Console
    from figsight.training import train as run

    dataset = _read(data, options)
    how = {key: value for key, value in options.items() if not key.endswith("_column")}
    with Console() as console:
        result = run(
            dataset, output, recipe=recipe, thumbnails=not no_thumbnails, watch=console, **how
        )
    click.echo(f"{result.path}: trained on {result.photos} photos in {result.seconds:.0f} s")
    accuracy = result.accuracy
    if accuracy is not None:
        click.echo(
            f"accuracy on photos that were not trained on: {accuracy.value:.1%} "
            f"(95 % interval {accuracy.low:.1%} to {accuracy.high:.1%}, {accuracy.n} photos)"
        )
    click.echo(f"next: figsight predict {result.path} PHOTO")


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
                _complain("figsight", result)
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


@main.command()
@click.argument("arguments", nargs=-1, required=True, metavar="[MODEL] DATA")
@click.option("--folds", type=click.IntRange(min=2), help="Cross-validate a recipe on DATA.")
@click.option("--repeats", default=1, show_default=True, type=click.IntRange(min=1))
@click.option("--recipe", default="quick", show_default=True, help="For --folds.")
@click.option("--backbone", metavar="NAME", help="For --folds.")
@click.option("--weights", metavar="FILE", help="For --folds.")
@click.option("--epochs", type=click.IntRange(min=1), help="For --folds.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="For --folds.")
@click.option("--work", metavar="FOLDER", help="Keep finished folds there, and go on with them.")
@click.option("--split", help="Which split of DATA; by default test, else val, else train.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="OUT.png")
@click.option("--skip-bad", is_flag=True, help="Leave unreadable photos out.")
@_data_options
def evaluate(
    arguments: tuple[str, ...],
    folds: int | None,
    split: str | None,
    as_json: bool,
    picture: Path | None,
    skip_bad: bool,
    **options: Any,
) -> None:
    """Measure MODEL on DATA; or, with --folds, cross-validate a recipe on DATA."""
    from figsight import evaluation

    wanted = 2 if folds is None else 1
    if len(arguments) != wanted:
        shape = "MODEL DATA" if folds is None else "--folds N DATA"
        raise click.UsageError(f"expected: figsight evaluate {shape}")
    _refuse_unheard(FOR_FOLDS if folds is None else FOR_MODEL, folds)
    dataset = _read(arguments[-1], options)
    if folds is None:
        result = evaluation.evaluate(arguments[0], dataset, split=split, skip_bad=skip_bad)
    else:
        from figsight.console import Console

        with Console() as console:
            result = evaluation.cross_validate(
                dataset,
                folds=folds,
                skip_bad=skip_bad,
                watch=console,
                **{key: options[key] for key in FOR_FOLDS},
            )
    click.echo(json.dumps(result.to_dict()) if as_json else _tell(result))
    if picture is not None:
        from figsight.sheets import draw_evaluation, save_sheets

        for page in save_sheets(draw_evaluation(result), picture):
            click.echo(f"picture: {page}", err=True)


def _refuse_unheard(names: tuple[str, ...], folds: int | None) -> None:
    """Raise when an option was given that would be ignored."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            goes = "goes with --folds only" if folds is None else "does not go with --folds"
            raise click.UsageError(f"--{name} {goes}")


def _tell(evaluation: Evaluation) -> str:
    """Write an evaluation for people."""
    from figsight.metrics import what_it_cannot_tell

    accuracy = evaluation.accuracy
    lines = [
        evaluation.protocol,
        (
            f"accuracy {accuracy.value:.1%}: {evaluation.correct} of {len(evaluation.labels)} "
            f"right ({accuracy.method}: {accuracy.low:.1%} to {accuracy.high:.1%})"
        ),
    ]
    # Repeats ask about the same photos again: that tells no more about other photos.
    n = len({photo.path for photo in evaluation.photos})
    limits = what_it_cannot_tell(n, round(n * accuracy.value))
    lines += [limits] if limits else []
    lines += evaluation.notes
    found = evaluation.to_dict()
    poor = [row for row in found["per_class"] if row["n"] and row["correct"] < row["n"]]
    for row in poor:
        lines.append(f"  {row['name']}: {row['correct']} of {row['n']}")
    for wrong in found["mistakes"]:
        lines.append(
            f"  {wrong['path']}: {wrong['name']}, taken for {wrong['predicted_name']} "
            f"({wrong['probability']:.1%})"
        )
    return "\n".join(lines)


@main.command()
@click.argument("data")
@click.option(
    "-o",
    "--output",
    "picture",
    default="figures.png",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The picture to write.",
)
@click.option("--each", default=4, show_default=True, type=click.IntRange(min=1))
@_data_options
def show(data: str, picture: Path, each: int, **options: Any) -> None:
    """Draw example photos of each figure of DATA."""
    from figsight.sheets import draw_dataset, save_sheets

    for page in save_sheets(draw_dataset(_read(data, options), each), picture):
        click.echo(page)


@main.command()
@click.option("-o", "--output", default="demo", show_default=True, type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True, type=SEED)
@click.option("--overwrite", is_flag=True, help="Replace an earlier demo.")
def demo(output: Path, seed: int, overwrite: bool) -> None:
    """Train on the pictures that figsight carries, and show what comes of it."""
    from figsight.console import Console
    from figsight.demo.tour import take_tour

    with Console() as console:
        tour = take_tour(output, seed=seed, overwrite=overwrite, watch=console)
    click.echo(_tell(tour.evaluation))
    click.echo(f"\nmodel:    {tour.model}\npicture:  {tour.picture}\nfigures:  {tour.figures}")
    click.echo(f"\nnext:     figsight predict {tour.model} {tour.photo}")
    click.echo("          figsight train YOUR-PHOTOS -o YOUR-MODEL   (a folder a figure)")


__all__ = ["main"]
