from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.bundle.make import make_bundle
from tests.cli.make import call
from tests.training.make import plant_photos

from figsight.cli import main
from figsight.cli.base import safe


def test_help__mentions_every_command() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert sorted(main.commands) == ["audit", "demo", "evaluate", "predict", "show", "train"]
    listed = result.stdout.partition("Commands:")[2]
    for name, command in main.commands.items():
        assert f"\n  {name} " in listed
        assert command.help
        usage = call(name, "-h")
        assert (usage.exit_code, usage.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frob"], "no such command 'frob'; main --help tells more"),
        (["--frob"], "no such option '--frob'; main --help tells more"),
        (["train"], "missing argument 'DATA'; main train --help tells more"),
        (["train", "a\nb", "-o"], "option '-o' requires an argument"),
        (["predict", "m", "p", "--json", "--csv"], "choose one of --json and --csv; main predict"),
    ],
)
def test_command__says_in_one_line_what_it_cannot_read(words: list[str], said: str) -> None:
    result = call(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.lower().splitlines()
    assert line.startswith(f"figsight: {said}".lower())


def test_command__shows_its_help_where_nothing_is_asked() -> None:
    assert "Commands:" in call().output


def test_version__is_that_of_the_package() -> None:
    from figsight import __version__

    assert call("--version").stdout == f"figsight, version {__version__}\n"


def test_main__is_there_before_numpy_reads_how_many_threads_it_may_take() -> None:
    code = "import sys; from figsight.cli import main; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Müller 97 % \U0001f468\u200d\U0001f680 60\u00a0%", None),
        ("a\nb\r\x1b[31mred\x9b", r"a\nb\r\x1b[31mred\x9b"),
        ("\u202egpj.exe\u2066", r"\u202egpj.exe\u2066"),
    ],
)
def test_safe__shows_what_would_steer_a_terminal(line: str, shown: str | None) -> None:
    assert safe(line) == (line if shown is None else shown)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs Linux's /dev/full")
def test_command__on_a_full_disk_says_so_in_a_line(tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "model")
    plant_photos(tmp_path / "photos", figures=1, photos=2)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "figsight", "predict", model, tmp_path / "photos"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "figsight: standard output: cannot be written (No space left on device)\n"
    )
