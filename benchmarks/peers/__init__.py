"""figsight beside the tools that a user would pick instead: see ``__main__`` for how to run it.

__main__.py       the command
tasks.py          what a peer is given, and the clock that it runs against
registry.py       which peers there are
with_*.py         one tool each: a function that trains and answers
worker.py         one (peer, setting, seed, fold), in a process of its own
processes.py      starting workers, and what they used
planning.py       photos, folds and starting weights, the same for everybody
results.py        the files of a folder, one a finished run
curves.py         numbers from runs: mean curves, time to an accuracy, intervals
tables.py         the report in Markdown and JSON
plots.py          the report in pictures
"""
