"""The files of a model: their schema and hashes; save, verify, open.

    names.py        which files there may be
    parts.py        what a manifest consists of
    consistency.py  when its parts contradict one another
    manifest.py     manifest.json, read strictly and sealed
    store.py        a folder or a zip as named bytes
    tensors.py      the arrays: gallery, head, weights
    rules.py        the rules for unknown photos and sets of names, as functions
    graph.py        what the ONNX file may contain
    runtime.py      ONNX Runtime's options, threads and failures
    card.py         README.md, the model card; answers.py its words for what is said beside a name,
                    markdown.py keeps text plain in it
    files.py        open and verify
    save.py         write, whole or not at all

Does not know how a model is trained, nor how it predicts.
"""

from __future__ import annotations

from figsight.bundle.card import model_card
from figsight.bundle.files import Bundle, open_bundle, verify
from figsight.bundle.graph import check_graph
from figsight.bundle.manifest import SCHEMA, Manifest
from figsight.bundle.parts import (
    Calibration,
    FigureEntry,
    InputEntry,
    Measured,
    NetworkEntry,
    OperatingPoint,
    Score,
    SetRule,
    Skipped,
    Training,
    UnknownLine,
    UnknownRule,
)
from figsight.bundle.rules import build_detector, build_sets, choose_line, list_lines
from figsight.bundle.save import check_target, write_bundle
from figsight.bundle.tensors import Gallery

__all__ = [
    "SCHEMA",
    "Bundle",
    "Calibration",
    "FigureEntry",
    "Gallery",
    "InputEntry",
    "Manifest",
    "Measured",
    "NetworkEntry",
    "OperatingPoint",
    "Score",
    "SetRule",
    "Skipped",
    "Training",
    "UnknownLine",
    "UnknownRule",
    "build_detector",
    "build_sets",
    "check_graph",
    "check_target",
    "choose_line",
    "list_lines",
    "model_card",
    "open_bundle",
    "verify",
    "write_bundle",
]
