"""``figsight evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from figsight.cli.base import (
    SEED,
    Span,
    data_options,
    keep_option,
    main,
    read_data,
    refuse_two_clocks,
    refuse_unheard,
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
    "sensitivity",
    "work",
)
FOR_MODEL = ("split", "no_record")


@main.command()
@click.argument("arguments", nargs=-1, required=True, metavar="[MODEL] DATA")
@click.option("--folds", type=click.IntRange(min=2), help="Cross-validate a recipe on DATA.")
@click.option("--repeats", default=1, show_default=True, type=click.IntRange(min=1))
@click.option("--recipe", default="quick", show_default=True, help="For --folds.")
@click.option("--backbone", metavar="NAME", help="For --folds.")
@click.option("--weights", metavar="FILE", help="For --folds.")
@click.option("--epochs", type=click.IntRange(min=1), help="For --folds.")
@click.option(
    "--budget",
    type=Span(),
    metavar="TIME",
    help="For --folds: what the training of each may take, like 90s or 5m.",
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="For --folds.")
@click.option(
    "--sensitivity",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="For --folds, of two figures: how much of the second is to be found; 0.95 if not given.",
)
@click.option("--work", metavar="FOLDER", help="Keep finished folds there, and go on with them.")
@click.option("--split", help="Which split of DATA; by default test, else val, else train.")
@click.option("--unknown", metavar="FOLDER|ZIP", help="Pictures of none of the figures.")
@keep_option
@click.option("--no-record", is_flag=True, help="Leave no trace of this test beside the model.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="OUT.png")
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

    wanted = 2 if folds is None else 1
    if len(arguments) != wanted:
        shape = "MODEL DATA" if folds is None else "--folds N DATA"
        raise click.UsageError(f"expected: figsight evaluate {shape}")
    refuse_unheard(FOR_FOLDS if folds is None else FOR_MODEL, folds)
    refuse_two_clocks(options["budget"], options["epochs"])
    if folds is not None and keep is not None and unknown is None:
        raise click.UsageError("--keep goes with --unknown only where there is no MODEL")
    if picture is not None:
        from figsight.drawing import check_picture

        check_picture(picture)
    if report is not None:
        from figsight.evaluation.report import check_report

        check_report(report)
    dataset = read_data(arguments[-1], options)
    if folds is None:
        result = evaluation.evaluate(
            arguments[0],
            dataset,
            split=split,
            unknown=unknown,
            keep=keep,
            skip_bad=skip_bad,
            explain=report is not None,
            record=not no_record,
        )
    else:
        from figsight.console import Console

        with Console() as console:
            result = evaluation.cross_validate(
                dataset,
                folds=folds,
                unknown=unknown,
                keep=keep,
                skip_bad=skip_bad,
                watch=console,
                **{key: options[key] for key in FOR_FOLDS},
            )
    click.echo(json.dumps(result.to_dict()) if as_json else tell(result))
    if picture is not None:
        from figsight.sheets import draw_evaluation, save_sheets

        for page in save_sheets(draw_evaluation(result), picture):
            click.echo(f"picture: {page}", err=True)
    if report is not None:
        _write_report(result, dataset, report)


def _write_report(result: Evaluation, dataset: Dataset, path: Path) -> None:
    from figsight.audit import examine
    from figsight.evaluation.report import write_report

    # Labels that look wrong are among the mistakes; looking for them again would take minutes.
    for page in write_report(result, path, audit=examine(dataset, labels=False)):
        click.echo(f"report: {page}", err=True)
