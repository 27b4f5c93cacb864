"""What a result was measured with: figsight's code, and the versions of what it stands beside.

    python -m benchmarks.provenance     what this interpreter would run, as JSON

The version of figsight is the same for many commits, so its code is told by its contents. Knows the
standard library only, so that it runs in the environment of any peer, without figsight.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Whose versions are written down with each result, as far as they are installed.
NOTED = ("figsight", "torch", "timm", "fastai", "keras", "scikit-learn", "autogluon.multimodal")
CONTENTS = (".py", ".toml")  # modules and recipes
UNKNOWN = "unknown code"


def read_code(folder: Path | None = None) -> dict[str, str]:
    """Return which figsight would be imported, without importing it.

    Args:
        folder: The package; by default the one that this interpreter finds.

    Returns:
        ``sha256`` of the names and contents of its modules and recipes, and ``commit``, with "+" where
        files were changed since, empty where it lies in no repository. Nothing where there is none.
    """
    if folder is None:
        found = find_spec("figsight")
        if found is None or found.origin is None:
            return {}
        folder = Path(found.origin).parent
    digest = hashlib.sha256()
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
    for name, path in sorted(names.items()):
        if path.suffix in CONTENTS:
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return {"sha256": digest.hexdigest(), "commit": _read_commit(folder)}


def _read_commit(folder: Path) -> str:
    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git(
            "ls-files", "--error-unmatch", "__init__.py"
        )  # not an installed copy inside of another's
        return git("rev-parse", "HEAD") + "+" * bool(git("status", "--porcelain", "--", "."))
    except (OSError, subprocess.CalledProcessError):
        return ""


def read_versions() -> dict[str, str]:
    """Return the versions of Python and of what is noted, as far as it is installed."""
    found = {"python": platform.python_version()}
    for name in NOTED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # only what is there is noted
    return found


def say_code(code: Mapping[str, str]) -> str:
    """Return in a few words which code it is."""
    if not code:
        return UNKNOWN
    commit = code.get("commit", "")
    at = f", commit {commit[:10]}{'+' * commit.endswith('+')}" if commit else ""
    return f"code {code['sha256'][:10]}{at}"


def say_other_code(code: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return which code a result is of, in words; empty where it is that of now."""
    return "" if code and code["sha256"] == now.get("sha256") else say_code(code)


def say_other_packages(versions: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return what a result ran with in other versions than there are now; empty where in none.

    Python and figsight do not count, nor does what is not in both: it is of no use to the peer.
    """
    return ", ".join(
        f"{name} {versions[name]}, not {now[name]}"
        for name in NOTED
        if name != "figsight"
        and name in versions
        and versions[name] != now.get(name, versions[name])
    )


if __name__ == "__main__":
    print(json.dumps({"code": read_code(), "versions": read_versions()}))
