"""``figsight demo``."""

from __future__ import annotations

from pathlib import Path

import click

from figsight.cli.base import SEED, main
from figsight.cli.telling import tell


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
    click.echo(tell(tour.evaluation))
    click.echo(f"\nmodel:    {tour.model}\npicture:  {tour.picture}\nfigures:  {tour.figures}")
    click.echo(f"\nnext:     figsight predict {tour.model} {tour.photo}")
    click.echo("          figsight train YOUR-PHOTOS -o YOUR-MODEL   (a folder a figure)")
