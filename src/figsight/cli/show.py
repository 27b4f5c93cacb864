"""``figsight show``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from figsight.cli.base import FAILED, complain, data_options, main, read_data, tell_pictures


@main.command(
    short_help="Draw example photos of each figure.",
    epilog="Example: figsight show photos -o figures.png",
)
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
@click.option(
    "--each",
    default=4,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="How many photos of each figure, at most.",
)
@data_options
def show(data: str, picture: Path, each: int, **options: Any) -> None:
    """Draw example photos of each figure of DATA."""
    from figsight.drawing import check_picture
    from figsight.sheets import draw_dataset, save_sheets

    check_picture(picture)
    dataset = read_data(data, options, skip_missing=True)
    bad = list(dataset.not_there)
    tell_pictures(save_sheets(draw_dataset(dataset, each, bad.append), picture))
    for error in bad:
        complain("figsight", error)
    if bad:
        sys.exit(FAILED)
