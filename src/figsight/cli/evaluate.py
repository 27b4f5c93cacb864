"""``figsight evaluate``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from figsight.cli.base import (
    SEED,
    Span,
    aim_options,
    data_options,
    keep_option,
    main,
    read_data,
    refuse_two_clocks,
    refuse_unheard,
    safe,
    say,
    tell_pictures,
)
from figsight.cli.telling import tell

if TYPE_CHECKING:
    from figsight.dataset import Dataset
    from figsight.evaluation import Evaluation

# What only a cross-validation listens to, and what only a finished model does.
FOR_FOLDS = (
    "repeats",
    "recipe",
    "backbone",
    "weights",
    "epochs",
    "budget",
    "seed",
    "positive",
    "sensitivity",
    "work",
)
FOR_MODEL = ("split", "no_record")


@main.command(
    short_help="Measure a model, or what a recipe would make.",
    epilog="Example: figsight evaluate model test-photos --report report.html",
)
@click.argument("arguments", nargs=-1, required=True, metavar="[MODEL] DATA")
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    metavar="N",
    help="Without MODEL: cross-validate a recipe on DATA, each photo held out once by one of N "
    "networks.",
)
@click.option(
    "--repeats",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="For --folds: deal the photos so often anew, and take the mean.",
)
@click.option(
    "--recipe",
    default="quick",
    show_default=True,
    help="For --folds: quick, densenet121, or a .toml, as for train.",
)
@click.option("--backbone", metavar="NAME", help="For --folds: another convolutional timm network.")
@click.option(
    "--weights",
    metavar="FILE",
    help="For --folds: start from a safetensors file, or 'random'.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="the recipe's",
    help="For --folds: passes over the photos.",
)
@click.option(
    "--budget",
    type=Span(),
    metavar="TIME",
    help="For --folds: what the training of each may take, like 90s or 5m.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=SEED,
    metavar="N",
    help="For --folds: of everything random.",
)
@aim_options("For --folds")
@click.option(
    "--work", metavar="FOLDER", help="For --folds: keep finished ones there, and go on with them."
)
@click.option("--split", help="Which split of DATA; by default test, else val, else train.")
@click.option(
    "--unknown",
    metavar="FOLDER|ZIP",
    help="Pictures of none of the figures; folders in it count as figures.",
)
@keep_option
@click.option("--no-record", is_flag=True, help="Leave no trace of this test beside the model.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="OUT.png",
    help="Draw each photo with its answer above it, the wrong ones first.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="OUT.html",
    help="A page with everything, and OUT.json beside it.",
)
@click.option("--skip-bad", is_flag=True, help="Leave unreadable photos out.")
@data_options
def evaluate(
    arguments: tuple[str, ...],
    folds: int | None,
    split: str | None,
    unknown: str | None,
    keep: float | None,
    no_record: bool,
    as_json: bool,
    picture: Path | None,
    report: Path | None,
    skip_bad: bool,
    **options: Any,
) -> None:
    """Measure MODEL on DATA; or, with --folds, cross-validate a recipe on DATA."""
    from figsight import evaluation

    _refuse_mixed(arguments, folds, options)
    shared: dict[str, Any] = {"unknown": unknown, "keep": keep, "skip_bad": skip_bad}
    if folds is not None and keep is not None and unknown is None:
        raise click.UsageError("--keep goes with --unknown only where there is no MODEL")
    if picture is not None:
        from figsight.drawing import check_picture

        check_picture(picture)
    if report is not None:
        from figsight.evaluation.report import check_report

        check_report(report)
    dataset = read_data(arguments[-1], options, skip_missing=skip_bad)
    if folds is None:
        result = evaluation.evaluate(
            arguments[0],
            dataset,
            split=split,
            explain=report is not None or as_json,
            record=not no_record,
            **shared,
        )
    else:
        from figsight.console import Console

        with Console() as console:
            result = evaluation.cross_validate(
                dataset,
                folds=folds,
                watch=console,
                **shared,
                **{key: options[key] for key in FOR_FOLDS},
            )
    try:
        _print(result, as_json=as_json)
    finally:  # also where nobody reads on: `| head` closes its end
        if picture is not None:
            _draw(result, picture)
        if report is not None:
            _write_report(result, dataset, report)


def _print(result: Evaluation, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result.to_dict()))
        return
    for line in tell(result).split("\n"):
        say(line)


def _refuse_mixed(arguments: tuple[str, ...], folds: int | None, options: dict[str, Any]) -> None:
    """Raise when what was given belongs to the other of the two things that can be measured."""
    wanted = 2 if folds is None else 1
    if len(arguments) != wanted:
        shape = "MODEL DATA" if folds is None else "--folds N DATA"
        if folds is None and len(arguments) == 1:
            shape += "; or, without a model: figsight evaluate --folds 5 DATA"
        raise click.UsageError(f"expected: figsight evaluate {shape}")
    refuse_unheard(FOR_FOLDS if folds is None else FOR_MODEL, folds)
    refuse_two_clocks(options["budget"], options["epochs"])


def _draw(result: Evaluation, picture: Path) -> None:
    from figsight.sheets import draw_evaluation, save_sheets

    tell_pictures(save_sheets(draw_evaluation(result), picture))


def _write_report(result: Evaluation, dataset: Dataset, path: Path) -> None:
    from figsight.audit import examine
    from figsight.evaluation.report import write_report

    # Labels that look wrong are among the mistakes; looking for them again would take minutes. And
    # photos to measure on need not do for training.
    audit = replace(examine(dataset, labels=False), obstacle=None)
    for page in write_report(result, path, audit=audit):
        click.echo(safe(f"report: {page}"), err=True)
