"""Words on a command line -> one call each. No logic. A file a command.

show.py      what is in a set of photos; audit.py what is wrong with it
train.py     a model; predict.py what it says, evaluate.py how often that is right
demo.py      all of it, on the pictures that figsight carries
base.py      the group, options that commands share, how errors end
telling.py   what was measured, in lines for people; rules.py what was fitted besides the network
"""

from figsight.cli import audit, demo, evaluate, predict, show, train
from figsight.cli.base import main

__all__ = ["audit", "demo", "evaluate", "main", "predict", "show", "train"]
