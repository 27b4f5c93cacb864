from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.bundle.make import PHOTOS, make_gallery, make_manifest

from figsight.bundle.tensors import (
    looks_like_pickle,
    pack_arrays,
    pack_gallery,
    unpack_arrays,
    unpack_gallery,
)
from figsight.errors import BundleError


def test_gallery__survives_a_round_trip() -> None:
    gallery = make_gallery()
    read = unpack_gallery(pack_gallery(gallery), make_manifest(), where="g")
    assert read.paths == gallery.paths
    assert len(read) == PHOTOS
    for name in ("embeddings", "labels", "sha256", "head_weight", "head_bias"):
        one, two = getattr(gallery, name), getattr(read, name)
        assert one.dtype == two.dtype
        assert np.array_equal(one, two)


def test_gallery__is_the_same_bytes_for_the_same_arrays() -> None:
    assert pack_gallery(make_gallery()) == pack_gallery(make_gallery())


def test_arrays__are_packed_the_same_in_any_order_and_layout() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(3)
    assert pack_arrays({"a": a, "b": b}) == pack_arrays({"b": b, "a": np.asfortranarray(a)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"labels": np.array([0, 1, 2, 3], np.int32)},
            "g: labels: expected 0 to 2: train the model again",
        ),
        (
            {"labels": np.array([0, 1, 2, 0], np.int64)},
            "g: labels: expected int32, found int64: train the model again",
        ),
        (
            {"head_bias": np.zeros(4, np.float32)},
            "g: head_bias: expected shape [3], found [4]: train the model again",
        ),
        (
            {"embeddings": np.zeros((3, 6), np.float32)},
            "g: embeddings: expected shape [4, 6], found [3, 6]: train the model again",
        ),
        (
            {"head_weight": np.full((3, 6), np.nan, np.float32)},
            "g: head_weight: expected finite numbers, found others: train the model again",
        ),
        ({"paths": ("a",)}, "g: paths: expected 4 texts as JSON: train the model again"),
    ],
)
def test_gallery__is_held_against_the_manifest(change: dict[str, Any], message: str) -> None:
    data = pack_gallery(replace(make_gallery(), **change))
    with pytest.raises(BundleError) as caught:
        unpack_gallery(data, make_manifest(), where="g")
    assert str(caught.value) == message


def test_gallery__needs_exactly_its_arrays() -> None:
    with pytest.raises(BundleError, match=r"^g: expected the arrays embeddings, head_bias, "):
        unpack_gallery(pack_arrays({"a": np.zeros(1)}), make_manifest(), where="g")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays__refuse_a_pickle_by_name(protocol: int) -> None:
    data = pickle.dumps({"weight": [1.0]}, protocol)
    assert looks_like_pickle(data)
    with pytest.raises(BundleError) as caught:
        unpack_arrays(data, where="n")
    assert str(caught.value) == (
        "n: expected safetensors, found a pickle, which can run code when it is opened: "
        "train the model again"
    )


@pytest.mark.parametrize("data", [b"", b"x", b"\x00" * 8, b"\xff" * 8, b"{}" * 20])
def test_arrays__refuse_what_is_no_safetensors(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"^n: expected safetensors, found something else"):
        unpack_arrays(data, where="n")
