"""Writing a bundle: whole or not at all.

Knows how to put files beside the target, make sure they are on the disk, and then change one name.
Does not know what the arrays mean: ``tensors`` packs them and ``files`` checks them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import stat
import sys
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from figsight.bundle.card import model_card
from figsight.bundle.graph import check_graph
from figsight.bundle.manifest import Manifest, encode_manifest
from figsight.bundle.names import (
    CARD,
    GALLERY,
    MANIFEST,
    MODEL,
    NETWORK,
    OPTIONAL,
    THUMBNAILS,
    UNLISTED,
    hash_bytes,
    is_bundle_name,
    limit_size,
    name_thumbnail,
)
from figsight.bundle.rules import check_rules
from figsight.bundle.store import open_store
from figsight.bundle.tensors import (
    Gallery,
    pack_arrays,
    pack_gallery,
    unpack_arrays,
    unpack_gallery,
)
from figsight.errors import BundleError, OutputError, Remedy
from figsight.files import UNFINISHED, hide, is_litter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can say
_UNIX = 3
_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2), RENAME_SWAP of renamex_np(2)


def write_bundle(
    path: str | os.PathLike[str],
    manifest: Manifest,
    *,
    model: bytes,
    gallery: Gallery,
    network: Mapping[str, NDArray[Any]] | Path,
    thumbnails: Sequence[bytes] | None,
    extras: Mapping[str, bytes],
    overwrite: bool = False,
) -> None:
    """Write a model as a folder, or as one zip when ``path`` ends in ``.zip``.

    The same arguments give the same bytes. Whatever happens meanwhile, ``path`` holds either what
    it held before or the whole new model; a killed process may leave a hidden temporary beside it.

    Args:
        path: Where to. Its parent must exist.
        manifest: ``files`` and ``seal`` are filled here.
        model: The bytes of ``model.onnx``.
        gallery: What the model remembers of its training photos.
        network: The trained weights under timm's names, or a safetensors file of them.
        thumbnails: A JPEG of each photo of the gallery, in its order; ``None`` for a model that
            must not carry pictures.
        extras: ``history.csv`` and ``curves.png``, where there are such.
        overwrite: Replace the model that lies there, together with what the system has left beside
            it. The record of evaluations stays: that of a folder comes into the new one, that of a
            zip lies beside it.

    Raises:
        BundleError: The parts contradict one another.
        OutputError: Something lies there that may not be replaced, or it cannot be written.
        ValueError: ``extras`` or ``thumbnails`` are not what they must be.
    """
    target = Path(path)
    check_target(target, overwrite=overwrite)
    contents = _collect(
        manifest,
        model=model,
        gallery=gallery,
        network=network,
        thumbnails=thumbnails,
        extras=extras,
    )
    with _report_os_errors(target):
        temporary = hide(target, f"{secrets.token_hex(6)}.tmp")
        try:
            if target.suffix.lower() == ".zip":
                _write_zip(temporary, contents)
                check_target(target, overwrite=overwrite)
                temporary.replace(target)
            else:
                _write_folder(temporary, contents)
                check_target(target, overwrite=overwrite)
                _take_over(target, temporary)
                _move_folder(temporary, target)
            _sync(target.parent)
        finally:
            _remove(temporary)


def check_target(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Say early whether a model could be written to ``path``; changes nothing.

    Raises:
        OutputError: The name is too long, or none; the parent is missing or may not be written to;
            something lies there that is no model, or may not be read; or a model does, and
            ``overwrite`` is false.
    """
    target = Path(path)
    if not target.name:
        raise OutputError(f"{path}: expected the name of a new model, found a folder")
    _check_length(target)
    if not target.parent.is_dir():
        raise OutputError(f"{path}: the folder {target.parent} does not exist: create it first")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: the folder {target.parent} may not be written to")
    if not os.path.lexists(target):
        return
    if target.is_symlink():
        raise OutputError(f"{path}: expected a new name or a model, found a link")
    is_zip = target.suffix.lower() == ".zip"
    try:
        if not is_zip and target.is_dir() and _is_empty(target):
            return
        stranger = _find_stranger(target, is_zip)
    except OSError as error:
        raise OutputError(
            f"{path}: expected a new name or a model, found something that may not be read "
            f"({error.strerror or error}): allow reading it, or choose another name"
        ) from error
    if stranger is not None:
        raise OutputError(
            f"{path}: expected a new name or a model, found {stranger}, which is never "
            "overwritten: choose another name"
        )
    if not overwrite:
        raise OutputError(
            f"{path}: a model is there already: choose another name", remedy=Remedy.OVERWRITE
        )


def _check_length(target: Path) -> None:
    """Raise if the name leaves no room for what stands behind it during a training."""
    try:
        target.with_name(f"{target.name}{UNFINISHED}").lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise OutputError(
                f"{target}: expected a name that the disk takes with {UNFINISHED} behind it, found "
                "one that is too long: choose a shorter one"
            ) from error
        if error.errno == errno.EACCES:
            raise OutputError(
                f"{target}: the folder {target.parent} may not be looked into: allow reading it, or "
                "choose another"
            ) from error
    except ValueError as error:
        raise OutputError(
            f"{target}: expected a name for a file, found one that cannot be used ({error}): choose "
            "another"
        ) from error


def _is_empty(folder: Path) -> bool:
    """Say whether nothing lies in a folder, or only what the system has left there."""
    with os.scandir(folder) as entries:
        return all(
            not one.is_symlink() and is_litter(one.name, folder=one.is_dir()) for one in entries
        )


def _find_stranger(target: Path, is_zip: bool) -> str | None:
    """Say what lies at the target when it is not just a model; a damaged model is one too."""
    if is_zip != target.is_file():
        return "a folder" if target.is_dir() else "a file"
    if not os.access(target, os.R_OK if is_zip else os.R_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    try:
        store = open_store(str(target), marker=MANIFEST, folder=THUMBNAILS)
    except BundleError:
        return "something that is no model"
    try:
        strangers = sorted(name for name in store.sizes if not is_bundle_name(name))
        if strangers:
            return f"{strangers[0]!a}"
        manifest = store.read(MANIFEST, limit_size(MANIFEST))
        claims = msgspec.json.decode(manifest)
    except (BundleError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "something that is no model"
    finally:
        store.close()
    is_ours = isinstance(claims, dict) and {"schema", "figsight", "figures"} <= claims.keys()
    return None if is_ours else "something that is no model"


def _collect(
    manifest: Manifest,
    *,
    model: bytes,
    gallery: Gallery,
    network: Mapping[str, NDArray[Any]] | Path,
    thumbnails: Sequence[bytes] | None,
    extras: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Turn the parts into files, each checked as it will be when it is read."""
    unknown = sorted(extras.keys() - OPTIONAL)
    if unknown:
        raise ValueError(f"extras: expected {' or '.join(sorted(OPTIONAL))}, found {unknown[0]!r}")
    if thumbnails is not None and len(thumbnails) != len(gallery):
        raise ValueError(f"thumbnails: expected {len(gallery)}, found {len(thumbnails)}")
    contents = dict(extras)
    for index, thumbnail in enumerate(thumbnails or ()):
        if not thumbnail.startswith(b"\xff\xd8\xff"):
            raise ValueError(f"thumbnails[{index}]: expected a JPEG")
        contents[name_thumbnail(index)] = thumbnail
    contents[NETWORK] = _read_file(network) if isinstance(network, Path) else pack_arrays(network)
    contents[MODEL] = model
    contents[GALLERY] = pack_gallery(gallery)
    check_graph(model, manifest)
    check_rules(manifest, unpack_gallery(contents[GALLERY], manifest, where=GALLERY))
    unpack_arrays(contents[NETWORK], where=NETWORK)
    contents[CARD] = model_card(manifest).encode("utf-8", "replace")
    for name, data in contents.items():
        if len(data) > limit_size(name):
            raise BundleError(
                f"{name}: expected at most {limit_size(name)} bytes, found {len(data)}"
            )
    files = {name: hash_bytes(data) for name, data in sorted(contents.items())}
    text = encode_manifest(msgspec.structs.replace(manifest, files=files))
    return {MANIFEST: text} | dict(sorted(contents.items()))


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OutputError(f"{path}: the weights cannot be read ({error.strerror})") from error


def _write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    folder.mkdir()
    folders = [folder]
    if any(name.startswith(f"{THUMBNAILS}/") for name in contents):
        folders.append(folder / THUMBNAILS)
        folders[-1].mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    # After all are written: the first one then brings the others to the disk on the way.
    for name in contents:
        _sync(folder / name)
    for made in reversed(folders):
        _sync(made)


def _write_zip(path: Path, contents: Mapping[str, bytes]) -> None:
    with path.open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, data in contents.items():
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system = _UNIX
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, data)
        file.flush()
        os.fsync(file.fileno())


def _take_over(old: Path, new: Path) -> None:
    """Give a new folder what was written into the old one after the model: the same files, linked.

    A line that somebody adds before the folders change places is in both.
    """
    for name in sorted(name for name in UNLISTED if os.path.lexists(old / name)):
        try:
            os.link(old / name, new / name, follow_symlinks=False)
        except OSError:  # a file system without links, or a file of somebody else
            shutil.copyfile(old / name, new / name, follow_symlinks=False)
            _sync(new / name)
    _sync(new)


def _move_folder(temporary: Path, target: Path) -> None:
    """Give the new folder its name; an old model is swapped out in one step where the OS can."""
    if not target.exists() or not any(target.iterdir()):
        temporary.rename(target)  # replaces an empty folder
    elif not _exchange(temporary, target):
        old = hide(target, f"{secrets.token_hex(6)}.old")
        target.rename(old)
        try:
            temporary.rename(target)
        except BaseException:
            old.rename(target)
            raise
        _remove(old)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; ``False`` when the system or its file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            failed = libc.renamex_np(first, second, ctypes.c_uint(_EXCHANGE))
        else:
            at = ctypes.c_int(_AT_FDCWD)
            failed = libc.renameat2(at, first, at, second, ctypes.c_uint(_EXCHANGE))
    except AttributeError:  # this libc has no such call
        return False
    if not failed:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a temporary; what cannot be removed stays, hidden, and harms nothing."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def _report_os_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
