"""``figsight demo``."""

from __future__ import annotations

from pathlib import Path

import click

from figsight.cli.base import SEED, as_word, main, name_program, say
from figsight.cli.telling import tell


@main.command(
    short_help="Try it all on pictures that figsight carries.",
    epilog="Example: figsight demo -o demo",
)
@click.option(
    "-o",
    "--output",
    default="demo",
    show_default=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where the model and the pictures go.",
)
@click.option(
    "--seed", default=0, show_default=True, type=SEED, metavar="N", help="Of everything random."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier demo.")
def demo(output: Path, seed: int, overwrite: bool) -> None:
    """Train on the pictures that figsight carries, and show what comes of it."""
    from figsight.console import Console
    from figsight.demo.tour import take_tour

    with Console() as console:
        tour = take_tour(output, seed=seed, overwrite=overwrite, watch=console)
    for line in tell(tour.evaluation).split("\n"):
        say(line)
    click.echo(f"\nmodel:    {tour.model}\npicture:  {tour.picture}\nfigures:  {tour.figures}")
    program = name_program()
    model, photo = (as_word(path) for path in (tour.model, tour.photo))
    click.echo(f"\nnext:     {program} predict {model} {photo}")
    click.echo(f"          {program} train YOUR-PHOTOS -o YOUR-MODEL")
    click.echo("          (one folder for each figure)")
