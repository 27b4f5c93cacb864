"""``figsight train``."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from figsight.cli.base import (
    SEED,
    Span,
    aim_options,
    as_word,
    data_options,
    main,
    name_program,
    read_data,
    refuse_two_clocks,
    safe,
    say,
)
from figsight.cli.rules import tell_rules
from figsight.metrics.words import say_share, say_stated

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTING = 1.5  # seconds that Python takes before and, with torch, after: in the budget, too


@main.command(
    short_help="Train a model on DATA, and measure it.",
    epilog="Example: figsight train photos -o model --budget 5m",
)
@click.argument("data")
@click.option("-o", "--output", required=True, metavar="MODEL", help="The model to write.")
@click.option(
    "--recipe", default="quick", show_default=True, help="quick, densenet121, or a .toml."
)
@click.option("--backbone", metavar="NAME", help="Another convolutional timm network.")
@click.option("--weights", metavar="FILE", help="Start from a safetensors file, or 'random'.")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="the recipe's; quick: 20, more of few photos, fewer of many",
    help="Passes over the photos.",
)
@click.option(
    "--budget", type=Span(), metavar="TIME", help="All that it may take: 90s, 5m or 1h30m."
)
@click.option(
    "--folds",
    type=click.IntRange(min=0),
    metavar="N",
    show_default="1, which holds a fifth out; 5 with fewer than 125 photos",
    help="Networks that measure, each without a part of the photos; 0 for none.",
)
@aim_options("")
@click.option(
    "--seed", default=0, show_default=True, type=SEED, metavar="N", help="Of everything random."
)
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
@data_options
def train(
    data: str,
    output: str,
    recipe: str,
    no_thumbnails: bool,
    budget: float | None,
    **options: Any,
) -> None:
    """Train a model on DATA."""
    began = time.perf_counter() - STARTING
    refuse_two_clocks(budget, options["epochs"])
    from figsight.console import Console

    how = {key: value for key, value in options.items() if not key.endswith("_column")}
    with _told_of(output), Console() as console:
        # Within: these take seconds to import, and a person is to see that something goes on.
        from figsight.training import train as run
        from figsight.training.budget import Budget

        dataset = read_data(data, options, skip_missing=options["skip_bad"])
        result = run(
            dataset,
            output,
            recipe=recipe,
            thumbnails=not no_thumbnails,
            budget=None if budget is None else Budget(budget, began),
            watch=console,
            **how,
        )
    # Since the command was called, as its budget is counted.
    seconds = time.perf_counter() - began
    say(f"{result.path}: trained on {result.photos} photos in {seconds:.0f} s")
    accuracy = result.accuracy
    if accuracy is not None:
        say(
            f"accuracy on photos that were not trained on: {say_share(accuracy.value)} "
            f"({say_stated(0.95)} interval {say_share(accuracy.low)} to {say_share(accuracy.high)}, "
            f"{accuracy.n} photos)"
        )
    for line in tell_rules(result.calibration, result.figures):
        say(line)
    click.echo(safe(f"next: {name_program()} predict {as_word(result.path)} PHOTO"))


@contextmanager
def _told_of(output: str) -> Iterator[None]:
    """Say after Ctrl-C whether there is something to go on with."""
    try:
        yield
    except KeyboardInterrupt:
        from figsight.training.workplace import Workplace

        kept = Workplace(Path(output)).can_resume()
        goes_on = "the same command with --resume goes on" if kept else "too early to keep anything"
        say(f"{output}: interrupted; {goes_on}", err=True)
        raise
