"""``figsight evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from figsight.cli.base import SEED, data_options, main, read_data, refuse_unheard
from figsight.cli.telling import tell

# What only a cross-validation listens to, and what only a finished model does.
FOR_FOLDS = ("repeats", "recipe", "backbone", "weights", "epochs", "seed", "work")
FOR_MODEL = ("split",)


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
@data_options
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
    refuse_unheard(FOR_FOLDS if folds is None else FOR_MODEL, folds)
    dataset = read_data(arguments[-1], options)
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
    click.echo(json.dumps(result.to_dict()) if as_json else tell(result))
    if picture is not None:
        from figsight.sheets import draw_evaluation, save_sheets

        for page in save_sheets(draw_evaluation(result), picture):
            click.echo(f"picture: {page}", err=True)
