"""The files of a bundle: open it, read a part of it, verify all of it.

Knows the list of files, their hashes and what each holds. Does not know how a model is trained, nor
how it predicts. A file is hashed when it is used, and the bytes that were hashed are the bytes that
are used: opening a model for one photo need not read the weights that are only for training.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from figsight.bundle.graph import check_graph
from figsight.bundle.manifest import Manifest, parse_manifest
from figsight.bundle.names import (
    CARD,
    CURVES,
    GALLERY,
    HISTORY,
    MANIFEST,
    MODEL,
    NETWORK,
    THUMBNAILS,
    UNLISTED,
    hash_bytes,
    limit_size,
    name_thumbnail,
)
from figsight.bundle.rules import check_rules
from figsight.bundle.store import Store, open_store
from figsight.bundle.tensors import Gallery, unpack_arrays, unpack_gallery
from figsight.errors import BundleError
from figsight.files import locate
from figsight.phrases import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".npy", ".npz", ".bin")
_JPEG = b"\xff\xd8\xff"


class Bundle:
    """A model's files, opened. Reads them when they are asked for; use it as a context manager.

    Attributes:
        path: Where it lies, as it was given.
        location: The same from the root, whatever the working directory has become.
        manifest: What it says of itself.
    """

    def __init__(self, path: str, store: Store, manifest: Manifest) -> None:
        self.path = path
        self.location = locate(path)
        self.manifest = manifest
        self._store = store
        self._thumbnails = sum(name.startswith(THUMBNAILS) for name in manifest.files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; nothing can be read afterwards."""
        self._store.close()

    def model_bytes(self) -> bytes:
        """Return the bytes of ``model.onnx``, checked (see ``check_graph``).

        Raises:
            BundleError: The file is damaged or holds what it must not.
        """
        data = self._read(MODEL)
        check_graph(data, self.manifest, where=f"{self.path}: {MODEL}")
        return data

    def gallery(self) -> Gallery:
        """Return what the model remembers of its training photos.

        Raises:
            BundleError: The file is damaged or contradicts the manifest.
        """
        gallery = unpack_gallery(
            self._read(GALLERY), self.manifest, where=f"{self.path}: {GALLERY}"
        )
        if self._thumbnails not in (0, len(gallery)):
            raise BundleError(
                f"{self.path}: {THUMBNAILS}: expected {len(gallery)} pictures, one for each photo "
                f"of the gallery, or none, found {self._thumbnails}: train the model again"
            )
        return gallery

    def thumbnail(self, index: int) -> bytes | None:
        """Return the JPEG of training photo ``index``; ``None`` when the model carries none.

        Raises:
            BundleError: The file is damaged.
            IndexError: There is no such photo.
        """
        if not self._thumbnails:
            return None
        if not 0 <= index < self._thumbnails:
            raise IndexError(f"expected 0 to {self._thumbnails - 1}, found {index}")
        name = name_thumbnail(index)
        data = self._read(name)
        if not data.startswith(_JPEG):
            raise BundleError(f"{self.path}: {name}: expected a JPEG: train the model again")
        return data

    def network(self) -> dict[str, NDArray[Any]]:
        """Return the trained weights under timm's names.

        Raises:
            BundleError: The file is damaged or is no safetensors.
        """
        return unpack_arrays(self._read(NETWORK), where=f"{self.path}: {NETWORK}")

    def card(self) -> str:
        """Return the model card, Markdown.

        Raises:
            BundleError: The file is damaged.
        """
        return self._read(CARD).decode("utf-8", "replace")

    def history(self) -> str | None:
        """Return the training history as CSV text; ``None`` when the model carries none.

        Raises:
            BundleError: The file is damaged.
        """
        if HISTORY not in self.manifest.files:
            return None
        return self._read(HISTORY).decode("utf-8", "replace")

    def curves(self) -> bytes | None:
        """Return the picture of the training curves as PNG; ``None`` when there is none.

        Raises:
            BundleError: The file is damaged.
        """
        return self._read(CURVES) if CURVES in self.manifest.files else None

    def verify(self) -> None:
        """Hash every file and read every part.

        Raises:
            BundleError: Something is damaged, hostile or contradicts the manifest.
        """
        self.model_bytes()
        check_rules(self.manifest, self.gallery(), where=f"{self.path}: {MANIFEST}")
        self.network()
        for index in range(self._thumbnails):
            self.thumbnail(index)
        self.card()
        self.history()
        self.curves()

    def _read(self, name: str) -> bytes:
        """Return a listed file's bytes, once their hash is right."""
        data = self._store.read(name, limit_size(name))
        found, expected = hash_bytes(data), self.manifest.files[name]
        if found != expected:
            raise BundleError(
                f"{self.path}: {name}: expected SHA-256 {expected[:12]}..., found {found[:12]}...: "
                "the file was changed or damaged; copy the model again"
            )
        return data


def open_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Open a model for reading.

    Reads the manifest and lists the files; everything else is read when it is asked for.

    Args:
        path: A model's folder, or a zip of it, which is not unpacked.

    Raises:
        BundleError: There is no model, its manifest is damaged or from a newer figsight, a listed
            file is missing, or there is a file, folder or link that is not listed.
    """
    where = os.fspath(path)
    store = open_store(where, marker=MANIFEST, folder=THUMBNAILS)
    try:
        text = store.read(MANIFEST, limit_size(MANIFEST))
        manifest = parse_manifest(text, where=where)
        _check_list(where, store, manifest)
    except BaseException:
        store.close()
        raise
    return Bundle(where, store, manifest)


def verify(path: str | os.PathLike[str]) -> Manifest:
    """Open a model, hash every file, read every part; return the manifest.

    Raises:
        BundleError: Something is missing, damaged, hostile or contradicts the manifest.
    """
    with open_bundle(path) as bundle:
        bundle.verify()
        return bundle.manifest


def _check_list(where: str, store: Store, manifest: Manifest) -> None:
    """Hold the names that are there against the names that the manifest lists."""
    if not manifest.files:
        raise BundleError(f"{where}: {MANIFEST}: files: expected a list of files, found none")
    listed = manifest.files.keys()
    missing = sorted(listed - store.sizes.keys())
    if missing:
        raise BundleError(
            f"{where}: {missing[0]}: missing ({len(missing)} of {count(len(listed), 'file')}): "
            "copy the model again"
        )
    extra = sorted(store.sizes.keys() - listed - UNLISTED - {MANIFEST})
    if extra:
        pickle = " (a pickle, by its name: it can run code when it is opened)"
        raise BundleError(
            f"{where}: expected only the files that {MANIFEST} lists, found {extra[0]!a}"
            f"{pickle if extra[0].lower().endswith(_PICKLES) else ''}: remove it"
        )
    for name in listed:
        if store.sizes[name] > limit_size(name):
            raise BundleError(
                f"{where}: {name}: expected at most {limit_size(name)} bytes, "
                f"found {store.sizes[name]}"
            )
