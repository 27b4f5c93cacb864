from __future__ import annotations

import re
from typing import TYPE_CHECKING

from click.testing import CliRunner

from figsight.cli import main

if TYPE_CHECKING:
    from click.testing import Result

RECIPE = """
backbone = "test_efficientnet"
image_size = 32
store_size = 40
epochs = 1
batch_size = 4
folds = 2
norms = "train"
[optimizer]
name = "adamw"
learning_rate = 1e-3
head_learning_rate = 1e-2
"""


def call(*words: object) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.stderr
    return result


def refused(*words: object) -> str:
    """Run a command that must fail: the last line that it says, but for where to read on."""
    result = call(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return re.sub("; main .*--help tells more$", "", result.stderr.splitlines()[-1])


# ------------------------------------------------------------------------------------- predict
