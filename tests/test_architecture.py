"""The shape of the project, as tests: layers, torch, public names."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import figsight

SOURCE = Path(figsight.__file__).parent

# From the first to the last; a room imports from rooms before it and from itself.
LAYERS = [
    "errors",
    "files",
    "zips",
    "cores",
    "phrases",
    "pages",
    "rows",
    "images",
    "dataset",
    "metrics",
    "calibration",
    "bundle",
    "drawing",
    "sources",
    "classifier",
    "training",
    "audit",
    "evaluation",
    "sheets",
    "console",
    "demo",
    "cli",
]
DECISION = Path(__file__).parents[1] / "docs" / "decisions" / "0001-layers.md"
LINES = 60  # of a function, from its name to its end, without decorators and docstring
HEAVY = {"torch", "torchvision", "timm", "onnx", "onnxscript", "matplotlib"}


def modules() -> list[Path]:
    return sorted(
        path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem[0] != "_"
    )


def imports(path: Path) -> set[str]:
    """Everything that a module imports, at its top or inside functions; for types only, too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def test_layers__name_every_room() -> None:
    assert {room(path) for path in modules()} == set(LAYERS)


def test_layers__are_those_of_the_decision() -> None:
    (stated,) = re.findall(r"^    (errors <.*?)\n\n", DECISION.read_text("utf-8"), re.M | re.S)
    assert re.split(r"\s+<\s+", stated) == LAYERS


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports__run_one_way(path: Path) -> None:
    allowed = set(LAYERS[: LAYERS.index(room(path)) + 1])
    rooms = {name.split(".")[1] for name in imports(path) if name.startswith("figsight.")}
    later = {name for name in rooms if name in LAYERS} - allowed
    assert not later, f"{room(path)} imports {', '.join(sorted(later))}, which comes later"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_torch__is_imported_by_training_alone(path: Path) -> None:
    heavy = {name.split(".")[0] for name in imports(path)} & HEAVY
    if path.parent == SOURCE / "evaluation" / "report":
        heavy -= {"matplotlib"}  # imported when a plot is drawn
    assert not heavy or room(path) == "training"


def test_import__of_figsight_and_its_command_line_stays_light() -> None:
    script = (
        "import sys, figsight, figsight.cli, figsight.classifier, figsight.evaluation\n"
        "heavy = {'torch', 'timm', 'onnx', 'matplotlib', 'rich', 'figsight.training.run'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_all__is_sorted_and_exact() -> None:
    assert figsight.__all__ == sorted(figsight.__all__)
    for name in figsight.__all__:
        assert getattr(figsight, name) is not None
    public = {name for name in dir(figsight) if not name.startswith("_")}
    rooms = {module.name for module in pkgutil.iter_modules([str(SOURCE)])}
    # ``annotations`` and the typing helpers are what the module itself is written with.
    own = {"annotations", "import_module", "TYPE_CHECKING", "Any"}
    assert public - rooms - own == set(figsight.__all__)


@pytest.mark.parametrize(
    "name", ["bundle", "calibration", "dataset", "evaluation", "images", "metrics", "training"]
)
def test_all__of_each_room_is_true(name: str) -> None:
    module = importlib.import_module(f"figsight.{name}")
    assert len(module.__all__) == len(set(module.__all__))  # ruff sorts them
    for public in module.__all__:
        assert hasattr(module, public)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules__say_what_they_are_and_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert text.count("\n") <= 400, "over 400 lines: split it"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_functions__stay_small(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            assert lines <= LINES, f"{node.name}: {lines} lines, over {LINES}: split it"


@pytest.mark.parametrize(
    "path",
    sorted(SOURCE.glob("*/**/__init__.py")),
    ids=lambda path: str(path.parent.relative_to(SOURCE)),
)
def test_maps__name_every_file_of_their_room_and_no_other(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    named = re.findall(r"(?<![\w/])\w+(?:\.py|/(?!\S))", docstring)
    files = {file.name for file in path.parent.glob("*.py")} - {"__init__.py"}
    folders = {f"{one.name}/" for one in path.parent.iterdir() if one.is_dir()} - {"__pycache__/"}
    assert sorted(named) == sorted(files | folders)
