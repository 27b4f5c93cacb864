"""The files of a set, wherever they lie: a folder or a zip, seen as one list of paths.

Knows files and names. Does not know which are photos of what, and opens no picture.

Links in a folder are followed, also out of it: see ``walking``, which says what else is listed.
What figsight itself has written among the photos, models and unfinished trainings, is no set's.
Data from a network is ``confined``: links are refused, and nothing but what is listed is ever read.
"""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from figsight.dataset.archives import list_zip, read_member
from figsight.dataset.model import Photo
from figsight.dataset.names import composed, natural_key, printable
from figsight.dataset.walking import walk
from figsight.errors import DataError
from figsight.files import PLAN, UNFINISHED, locate, read_plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from figsight.dataset.model import Split

MODEL_FILES = ("manifest.json", "model.onnx")
_CHECKPOINT = ".safetensors"  # of an unfinished training: training/workplace.py


@dataclass(frozen=True)
class Tree:
    """All files under one root.

    Attributes:
        name: What the set is called, for people.
        base: The folder, or the zip, from the root: it is found wherever the program goes.
        files: Path relative to the root, with ``/`` -> the name by which the file is opened (a path
            relative to the folder, or the name in the zip). In natural order.
        zipped: Whether ``base`` is a zip.
        confined: Whether nothing may be read but ``files``.
    """

    name: str
    base: Path
    files: Mapping[str, str] = field(repr=False)
    zipped: bool = False
    confined: bool = False

    def photo(
        self,
        path: str,
        figure_id: str | None = None,
        split: Split | None = None,
        group: str | None = None,
    ) -> Photo:
        """Return the photo at a path that ``files`` or ``locate`` gave."""
        raw = self.files.get(path, path)
        if self.zipped:
            return Photo(path, self.base, raw, figure_id, split, group)
        return Photo(path, self.base / raw, None, figure_id, split, group)

    def locate(self, folder: str, text: str) -> str | None:
        """Return the path of the file that ``text``, written in a table in ``folder``, means.

        Args:
            folder: The folder of the table, relative to the root; ``""`` for the root.
            text: A path relative to that folder; for a folder that is not confined also an absolute
                one, or one that leads out of it. Backslashes may separate, as on Windows.
                Accents may be stored otherwise than in the names of the files.

        Returns:
            The path relative to the root (absolute, or beginning with ``..``, when it lies
            outside); ``None`` if there is no such file.
        """
        for spelling in dict.fromkeys((text, text.replace("\\", "/"))):
            joined = posixpath.normpath(posixpath.join(folder, spelling))
            if not self.zipped and posixpath.isabs(joined):
                inside = posixpath.relpath(joined, Path(os.path.abspath(self.base)).as_posix())  # noqa: PTH100  (not resolve: links stay links)
                joined = joined if _leads_out(inside) else inside
            if joined in self.files:
                return joined
            if not joined.isascii() and (known := self._composed.get(composed(joined))):
                return known
            if self.zipped or self.confined or "\0" in joined:
                continue
            for form in dict.fromkeys((joined, composed(joined), _decomposed(joined))):
                # Outside, hidden, or another case on macOS; not one that may not be examined.
                if os.path.isfile(self.base / form):  # noqa: PTH113 - pathlib's raises then
                    return form
        return None

    @cached_property
    def _composed(self) -> dict[str, str | None]:
        """Paths by their composed form (NFC); None where several files share one."""
        found: dict[str, str | None] = {}
        for path in self.files:
            if not path.isascii():
                form = composed(path)
                found[form] = None if form in found else path
        return found

    def read(self, path: str, limit: int) -> bytes:
        """Return the bytes of a file that is no photo (a table).

        Raises:
            DataError: It cannot be read, or has more than ``limit`` bytes.
        """
        raw = self.files.get(path, path)
        try:
            if self.zipped:
                return read_member(self.base, raw, limit)
            data = read_plain(self.base / raw, limit)
        except OSError as error:
            raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from error
        if len(data) > limit:
            raise DataError(f"{printable(path)}: larger than {limit / 2**20:,.0f} MiB")
        return data


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _leads_out(path: str) -> bool:
    return path == ".." or path.startswith("../")


def zip_tree(path: Path) -> Tree:
    """List a zip.

    Raises:
        ArchiveError: See ``list_zip``.
    """
    return Tree(path.name, _locate(path), list_zip(path), zipped=True, confined=True)


def _locate(root: Path) -> Path:
    try:
        return Path(locate(os.fspath(root)))
    except OSError as error:
        raise DataError(
            f"{printable(root)}: cannot be found from a working directory that is gone "
            f"({error.strerror}); go to another"
        ) from error


def folder_tree(root: Path, *, name: str | None = None, confined: bool = False) -> Tree:
    """List a folder and everything below it, as ``walk`` finds it; linear in the number of files.

    Args:
        root: The folder.
        name: What the set is called; the folder's name by default.
        confined: Whether to refuse links and to read nothing outside of the folder.

    Raises:
        DataError: A folder cannot be listed, or a confined one holds a link.
    """
    base = _locate(root)
    names: list[str] = []
    for path, error in walk(os.fspath(root), confined=confined):
        if error is not None:
            where = printable(error.filename or root)
            raise DataError(f"{where}: the folder cannot be listed: {error.strerror}") from error
        names.append(path)
    files = {_readable(path): path for path in names}
    ordered = {path: files[path] for path in sorted(files, key=natural_key)}
    return Tree(name or root.resolve().name, base, ordered, confined=confined)


def _readable(path: str) -> str:
    # Names that are not UTF-8 hold surrogates, which neither JSON nor a terminal can take.
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_ours(folder: str, names: Collection[str]) -> bool:
    """Whether figsight wrote a folder: a model, or a training that is not finished.

    Args:
        folder: Its path or name.
        names: The names of the files directly in it.
    """
    if all(name in names for name in MODEL_FILES):
        return True
    return (
        folder.endswith(UNFINISHED)
        and PLAN in names
        and any(name.endswith(_CHECKPOINT) for name in names)
    )


def without_ours(tree: Tree) -> Tree:
    """Return the files that lie in no model and in no unfinished training below the root."""
    inside: defaultdict[str, set[str]] = defaultdict(set)
    for path in tree.files:
        folder, _, name = path.rpartition("/")
        inside[folder].add(name)
    ours = {folder for folder, names in inside.items() if folder and is_ours(folder, names)}
    if not ours:
        return tree
    files = {
        path: raw
        for path, raw in tree.files.items()
        if ours.isdisjoint(accumulate(path.split("/")[:-1], "{}/{}".format))
    }
    return replace(tree, files=files)


def wrappers(paths: Iterable[str]) -> list[str]:
    """Return the folders that hold everything: ``""``, then any single folder around all paths.

    Args:
        paths: Paths with ``/``.

    Returns:
        Prefixes from the outside in: ``["", "chest-xray/"]``.
    """
    # With a closing "/", what the first and the last in alphabetical order begin with, all do.
    folders = {f"{path.rpartition('/')[0]}/" for path in paths}
    first, last = min(folders, default="/"), max(folders, default="/")
    prefixes = [""]
    for part, other in zip(first.split("/"), last.split("/"), strict=False):
        if part != other or not part:
            break
        prefixes.append(f"{prefixes[-1]}{part}/")
    return prefixes
