from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.bundle.make import (
    FEATURES,
    PHOTOS,
    make_calibration,
    make_gallery,
    make_manifest,
    make_unknown,
)

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


@pytest.mark.parametrize(
    "text",
    [
        b'["a", "b", "c", "d"' + b", []" * 9 + b"]",
        b"[" + b"[]," * 9 + b"[]]",
        b'{"a": "b", "c": "d", "e": "f", "g": "h"}',
        b'["a", "b", "c", "d", "e"]',
        b'["a", "b", "c", "d"',
        b'["a", "b", "c", 4]',
    ],
)
def test_gallery__reads_no_paths_but_a_list_of_so_many_texts(
    text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = unpack_arrays(pack_gallery(make_gallery()), where="g")
    data = pack_arrays(arrays | {"paths": np.frombuffer(text, np.uint8)})
    monkeypatch.setattr("json.loads", lambda _: pytest.fail("it was read"))
    with pytest.raises(BundleError) as caught:
        unpack_gallery(data, make_manifest(), where="g")
    assert str(caught.value) == "g: paths: expected 4 texts as JSON: train the model again"


def test_gallery__keeps_any_path() -> None:
    paths = ('a\\"b\\\\"', "\\", '", "\\u0041\n', "\udcff\ud83d/\U0001f600é")
    data = pack_gallery(replace(make_gallery(), paths=paths))
    assert unpack_gallery(data, make_manifest(), where="g").paths == paths


def _arrays(**changes: Any) -> dict[str, Any]:
    """What a rule of relative Mahalanobis distances needs."""
    random = np.random.default_rng(3)
    return {
        "within_means": random.normal(size=(2, FEATURES)).astype(np.float32),
        "within_basis": np.eye(2, FEATURES, dtype=np.float32),
        "within_variance": np.ones(2, np.float32),
        "background_means": random.normal(size=(1, FEATURES)).astype(np.float32),
        "background_basis": np.eye(3, FEATURES, dtype=np.float32),
        "background_variance": np.ones(3, np.float32),
    } | changes


MAHALANOBIS = make_manifest(
    calibration=make_calibration(unknown=make_unknown("relative_mahalanobis", "energy"))
)


def test_gallery__carries_the_arrays_of_the_rule_for_unknowns() -> None:
    gallery = replace(make_gallery(), unknown=_arrays())
    read = unpack_gallery(pack_gallery(gallery), MAHALANOBIS, where="g")
    assert read.unknown.keys() == gallery.unknown.keys()
    for name, array in gallery.unknown.items():
        assert np.array_equal(read.unknown[name], array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"within_variance": np.ones(3, np.float32)},
            "g: unknown.within_basis: expected shape [3, 6], found [2, 6]: train the model again",
        ),
        (
            {"background_means": np.ones((1, 7), np.float32)},
            (
                "g: unknown.background_means: expected shape [any, 6], found [1, 7]: "
                "train the model again"
            ),
        ),
        (
            {"background_basis": np.eye(3, FEATURES)},
            "g: unknown.background_basis: expected float32, found float64: train the model again",
        ),
        (
            {"within_variance": np.array([1, np.inf], np.float32)},
            (
                "g: unknown.within_variance: expected finite numbers, found others: "
                "train the model again"
            ),
        ),
    ],
)
def test_gallery__holds_those_arrays_against_the_manifest(
    change: dict[str, Any], message: str
) -> None:
    data = pack_gallery(replace(make_gallery(), unknown=_arrays(**change)))
    with pytest.raises(BundleError) as caught:
        unpack_gallery(data, MAHALANOBIS, where="g")
    assert str(caught.value) == message


def test_gallery__has_neither_more_nor_fewer_of_those_arrays() -> None:
    short = {name: array for name, array in _arrays().items() if name != "within_means"}
    more = _arrays(gallery=np.zeros((4, 6), np.float32))
    for unknown, manifest in ((short, MAHALANOBIS), (more, MAHALANOBIS), (more, make_manifest())):
        data = pack_gallery(replace(make_gallery(), unknown=unknown))
        with pytest.raises(BundleError, match=r"^g: expected the arrays .*, found '.*unknown\."):
            unpack_gallery(data, manifest, where="g")


def test_gallery__has_the_neighbours_that_the_rule_asks_for() -> None:
    data = pack_gallery(make_gallery())
    for k in (1, PHOTOS):
        rule = make_calibration(unknown=make_unknown("knn", k=k))
        unpack_gallery(data, make_manifest(calibration=rule), where="g")
    rule = make_calibration(unknown=make_unknown("knn", k=PHOTOS + 1))
    with pytest.raises(BundleError) as caught:
        unpack_gallery(data, make_manifest(calibration=rule), where="g")
    assert str(caught.value) == (
        "g: embeddings: expected at least 5 for the nearest neighbour number 5, found 4: "
        "train the model again"
    )


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
