"""What the README shows is true: its examples run, its tree names every file, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from figsight import demo_photos

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"<!-- runs as a test -->\n```(sh|python)\n(.*?)```", README, re.DOTALL))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder as the README's reader has it: photos of two figures, and some kept aside."""
    for figure in ("blue-knight", "red-knight"):
        pictures = sorted((demo_photos() / figure).glob("*.jpg"))
        for kind, chosen in (("photos", pictures[:4]), ("test-photos", pictures[4:6])):
            (tmp_path / kind / figure).mkdir(parents=True)
            for picture in chosen:
                shutil.copy(picture, tmp_path / kind / figure)
        shutil.copy(pictures[6], tmp_path / "photo.jpg")
    return tmp_path


def test_readme__shows_an_example_for_the_shell_and_one_for_python() -> None:
    assert set(EXAMPLES) == {"sh", "python"}


@pytest.mark.parametrize("language", ["sh", "python"])
def test_readme__examples_run(desk: Path, language: str) -> None:
    words = ["bash", "-euc"] if language == "sh" else [sys.executable, "-c"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*words, EXAMPLES[language]],
        cwd=desk,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "knight" in done.stdout
    assert (desk / "model" / "manifest.json").exists()
    if language == "sh":
        assert (desk / "figures.png").exists()
        assert (desk / "out.png").exists()


def read_tree(text: str) -> list[str]:
    """Return the full paths that the README's tree gives a line, folders with a slash at the end."""
    (tree,) = re.findall(r"^## What is where\n\n```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    folders: list[str] = []
    found = []
    for line in tree.splitlines():
        indent, name, words = re.fullmatch(r"((?: {4})*)(\S+)(?: +(\S.*))?", line).groups()  # type: ignore[union-attr]
        del folders[len(indent) // 4 :]
        path = "".join(folders) + name
        if name.endswith("/"):
            folders.append(name)
        assert words or path == "src/figsight/", f"{path}: a line without words"
        found.append(path)
    return found


def list_source() -> list[str]:
    """Return the modules of figsight and the folders beside them, as the tree should name them."""
    modules = list((ROOT / "src" / "figsight").rglob("*.py"))
    rooms = {module.parent for module in modules}
    inside = {one for room in rooms for one in room.iterdir() if one.is_dir()}
    folders = rooms | {one for one in inside if one.name != "__pycache__"}
    # A room's line stands for its __init__.py; figsight's own has a line.
    files = [one for one in modules if one.name != "__init__.py" or one.parent.name == "figsight"]
    paths = [one.relative_to(ROOT).as_posix() for one in files]
    return sorted([*paths, *(f"{one.relative_to(ROOT).as_posix()}/" for one in folders)])


def test_readme__tree_gives_every_file_of_the_source_a_line_and_no_other() -> None:
    assert sorted(path for path in read_tree(README) if path.startswith("src/")) == list_source()


def test_readme__tree_names_nothing_that_is_not_there() -> None:
    assert all((ROOT / path).exists() for path in read_tree(README))


def test_read_tree__misses_any_file_whose_line_is_gone() -> None:
    lines, paths = README.splitlines(keepends=True), read_tree(README)
    begin = lines.index("src/figsight/\n")
    for at, path in enumerate(paths, begin):
        if path.endswith(".py"):
            assert path not in read_tree("".join(lines[:at] + lines[at + 1 :]))


def test_read_tree__knows_files_of_one_name_apart() -> None:
    text = (
        "## What is where\n\n```\nsrc/figsight/\n    a/        One\n        x.py  Its\n    b/        Two\n"
        "        x.py  Its own\nscripts/  More\n```\n"
    )
    assert read_tree(text) == [
        "src/figsight/",
        *("src/figsight/a/", "src/figsight/a/x.py", "src/figsight/b/", "src/figsight/b/x.py"),
        "scripts/",
    ]


def test_readme__links_lead_to_files() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_package__shows_what_an_index_can_and_the_readme_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    shown = (ROOT / project["readme"]).read_text("utf-8")
    assert "](" not in shown
    assert "<" not in shown
    blocks = dict(re.findall(r"```(sh|python)\n(.*?)```", shown, re.DOTALL))
    assert blocks["python"] == EXAMPLES["python"]
    for line in blocks["sh"].splitlines()[:2]:
        assert line in README
