"""Run figsight as ``python -m figsight``."""

from figsight.cli import main

main()
