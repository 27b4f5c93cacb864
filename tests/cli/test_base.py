from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from PIL import Image
from tests.bundle.make import make_bundle
from tests.cli.make import call, refused
from tests.training.make import plant_photos

from figsight.cli import main
from figsight.cli.base import as_word, fold, name_program, safe, tell_pictures
from figsight.drawing import save_picture


def test_tell_pictures__names_pages_that_an_earlier_run_has_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [tmp_path / "out.png", *(tmp_path / f"out-{n}.png" for n in range(2, 6))]
    for page in pages:
        save_picture(Image.new("RGB", (8, 8)), page)
    written = "".join(f"picture: {page}\n" for page in pages)
    tell_pictures(pages)
    assert capsys.readouterr().err == written
    tell_pictures(pages[:4])
    assert capsys.readouterr().err.splitlines()[4:] == [f"left from an earlier run: {pages[4]}"]
    tell_pictures(pages[:1])
    assert capsys.readouterr().err.splitlines() == [
        f"picture: {pages[0]}",
        f"left from an earlier run: {pages[1]} to out-5.png",
    ]
    # A photo that happens to have the name of a page is nobody's page.
    Image.new("RGB", (8, 8)).save(pages[1])
    tell_pictures(pages[:1])
    assert capsys.readouterr().err == f"picture: {pages[0]}\n"
    assert all(page.exists() for page in pages)


def test_help__mentions_every_command() -> None:
    result = call("--help")
    assert result.exit_code == 0
    listed = result.stdout.partition("Commands:\n")[2].splitlines()
    # In the order in which people need them, and none of them cut.
    journey = ["show", "audit", "train", "predict", "evaluate", "demo"]
    assert [line.split()[0] for line in listed] == journey
    assert sorted(main.commands) == sorted(journey)
    assert not [line for line in listed if line.endswith("...")]
    for name, command in main.commands.items():
        assert command.help
        assert len(command.short_help or "") <= 55
        usage = call(name, "-h")
        assert (usage.exit_code, usage.stderr) == (0, "")
        assert f"Example: figsight {name} " in usage.stdout


def test_help__says_something_of_every_option() -> None:
    for command in main.commands.values():
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert not [one.name for one in options if len(one.help or "") < 12]


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


def _run(command: str, **how: str) -> tuple[int, str, str]:
    """Run figsight as a shell does; return its exit code and what it has written."""
    line = f'exec "{sys.executable}" -m figsight {command}'
    done = subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, check=False, env=os.environ | how
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", ['predict "$MODEL" "$PHOTOS"', "--version", "frob"])
def test_command__without_standard_output_says_so(command: str, model: Path, photos: Path) -> None:
    closed = "standard output: expected one that can be written, found a closed one"
    for how in ("", " --csv", " --json") if "predict" in command else ("",):
        assert _run(f"{command}{how} >&-", MODEL=str(model), PHOTOS=str(photos)) == (
            2,
            "",
            f"figsight: {closed}; send it to /dev/null if nobody is to read it\n",
        )


def test_command__without_standard_error_goes_on(model: Path, photos: Path) -> None:
    where = {"MODEL": str(model), "PHOTOS": str(photos)}
    code, said, _ = _run('predict "$MODEL" "$PHOTOS" --json 2>&-', **where)
    assert (code, len(said.splitlines())) == (0, 6)
    assert _run('predict "$MODEL" "$PHOTOS/none.jpg" 2>&-', **where) == (2, "", "")
    assert _run("frob 2>&-") == (2, "", "")
    assert _run("frob >&- 2>&-") == (2, "", "")


def test_version__of_the_source_alone_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib import metadata

    def find_none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", find_none)
    assert call("--version").stdout == "figsight, version unknown\n"


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


def test_fold__keeps_words_and_numbers_whole() -> None:
    line = "  a.png: BLUE KNIGHT, taken for RED KNIGHT (60.0\u00a0%, repeat-2)"
    for width in range(20, 80):
        rows = fold(line, width).split("\n")
        assert all(len(row) <= width for row in rows)
        assert all(row.startswith("    ") for row in rows[1:])
        assert [word for row in rows for word in row.split(" ") if word] == line.split(" ")[2:]
    assert fold("a/path-that-is/longer-than-the-terminal.png: YODA", 20) == (
        "a/path-that-is/longer-than-the-terminal.png:\n  YODA"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_say__goes_by_the_width_of_the_terminal() -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
    code = "from figsight.cli.base import say; [say('word ' * 9, err=e) for e in (True, False)]"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=theirs, check=True
    )
    os.close(theirs)
    shown = os.read(ours, 4096).decode().splitlines()
    os.close(ours)
    assert shown == ["word word word word word word", "  word word word"]
    assert done.stdout.decode() == "word " * 9 + "\n"


def test_name_program__is_what_a_shell_finds_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "a b" / "figsight"
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(script)])
    assert name_program() == f"'{script}'"
    monkeypatch.setenv("PATH", str(script.parent))
    assert name_program() == "figsight"
    monkeypatch.setattr(sys, "argv", ["/somewhere/pytest"])
    assert name_program() == "figsight"
    monkeypatch.setattr(sys, "argv", ["/lib/figsight/__main__.py"])
    assert name_program() == f"{sys.executable} -m figsight"


def test_complain__says_which_option_helps(tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "model")
    data = plant_photos(tmp_path / "photos", figures=2, photos=2)
    assert refused("train", data, "-o", model).endswith(
        "a model is there already: choose another name, or give --overwrite"
    )


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
    assert done.stderr.decode().splitlines()[1:] == [
        "figsight: standard output: cannot be written (No space left on device)"
    ]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs Linux's /dev/full")
def test_evaluate__draws_its_picture_though_nobody_can_read_its_words(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "out.png"
    how = ("--no-record", "--picture", str(picture))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "figsight", "evaluate", *how, model, photos],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert picture.is_file()


@pytest.mark.parametrize(
    ("path", "typed"), [("a/b", "a/b"), ("-x", "./-x"), ("-a b", "'./-a b'"), ("./-x", "./-x")]
)
def test_as_word__is_what_can_be_typed(path: str, typed: str) -> None:
    assert as_word(path) == typed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "d", "-o", "m", "--epochs", "1.5"), "'--epochs': '1.5' is not a whole number"),
        (("train", "d", "-o", "m", "--epochs", "0"), "'--epochs': 0 is less than 1"),
        (("train", "d", "-o", "m", "--seed", "-1"), "'--seed': -1 is not between 0 and 2147483647"),
        (("evaluate", "m", "d", "--keep", "x"), "'--keep': 'x' is not a number"),
        (("evaluate", "m", "d", "--keep", "2"), "'--keep': 2.0 is not between 0 and 1"),
    ],
)
def test_main__says_in_plain_words_which_numbers_it_takes(
    words: tuple[str, ...], said: str
) -> None:
    assert refused(*words).startswith(f"figsight: invalid value for {said}")
