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


def test_readme__tree_gives_every_file_a_line() -> None:
    tree = README[README.index("## What is where") :]
    for path in (ROOT / "src" / "figsight").rglob("*.py"):
        is_room = path.name == "__init__.py" and path.parent.name != "figsight"
        name = f"{path.parent.name}/" if is_room else path.name
        assert re.search(rf"^ *{re.escape(name)} +\S", tree, re.MULTILINE), path


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
