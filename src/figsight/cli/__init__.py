"""Words on a command line -> one call each. No logic. A file a command."""

from figsight.cli import audit, demo, evaluate, predict, show, train
from figsight.cli.base import main

__all__ = ["audit", "demo", "evaluate", "main", "predict", "show", "train"]
