from __future__ import annotations

import subprocess
import sys

from tests.cli.make import call

from figsight.cli import main


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


def test_version__is_that_of_the_package() -> None:
    from figsight import __version__

    assert call("--version").stdout == f"figsight, version {__version__}\n"


def test_main__is_there_before_numpy_reads_how_many_threads_it_may_take() -> None:
    code = "import sys; from figsight.cli import main; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
