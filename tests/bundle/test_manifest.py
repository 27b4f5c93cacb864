from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundle.make import (
    POINT,
    TWO,
    make_calibration,
    make_line,
    make_manifest,
    make_measured,
    make_sets,
    make_styled,
    make_unknown,
)

from figsight.bundle import Skipped
from figsight.bundle.manifest import encode_manifest, parse_manifest
from figsight.calibration.temperature import HIGHEST, LOWEST
from figsight.errors import BundleError

if TYPE_CHECKING:
    from figsight.bundle import Calibration

TEXT = encode_manifest(make_manifest())


def _refusal(text: bytes) -> str:
    with pytest.raises(BundleError) as caught:
        parse_manifest(text, where="model")
    message = str(caught.value)
    assert "\n" not in message
    return message


def _edit(path: str, value: Any) -> bytes:
    """Set one field of a good manifest, by its path."""
    manifest = json.loads(TEXT)
    part = manifest
    *way, last = path.split(".")
    for key in way:
        part = part[int(key) if isinstance(part, list) else key]
    part[int(last) if isinstance(part, list) else last] = value
    return json.dumps(manifest).encode()


def test_manifest__survives_a_round_trip() -> None:
    calibration = make_calibration(
        unknown=make_unknown(
            "max_softmax",
            "knn",
            "relative_mahalanobis",
            measured_kept=make_measured(),
            lines=[make_line(0.9, 0.1, accepted=make_measured()), make_line(0.99, 0.3)],
            auroc=make_measured(),
            accepted=make_measured(0, 0, 0.1),
            candidates={"knn": make_measured(), "energy": make_measured(0.91)},
            k=3,
        ),
        sets=make_sets(measured=make_measured(), mean_size=make_measured(1.2, 1.1, 1.3)),
        operating_point=POINT,
    )
    manifest = make_manifest(figures=TWO, calibration=calibration)
    read = parse_manifest(encode_manifest(manifest), where="model")
    assert msgspec.structs.replace(read, seal=manifest.seal) == manifest


def test_manifest__is_stable_and_readable() -> None:
    one = make_manifest()
    two = msgspec.structs.replace(
        one,
        training=msgspec.structs.replace(
            one.training, versions=dict(reversed(one.training.versions.items()))
        ),
    )
    text = encode_manifest(one)
    assert text == encode_manifest(two)
    assert text.startswith(b'{\n  "schema": 1,\n  "seal": "')
    assert text.endswith(b"\n}\n")


def test_manifest__writes_file_names_that_are_no_utf8() -> None:
    training = make_manifest().training
    odd = msgspec.structs.replace(training, skipped=[Skipped(path="\udc80.jpg", reason="?")])
    read = parse_manifest(encode_manifest(make_manifest(training=odd)), where="model")
    assert read.training.skipped[0].path == "\\udc80.jpg"


REDO = "copy or train the model again"
TRAIN = "train the model again"


@pytest.mark.parametrize(
    ("path", "value", "problem", "fix"),
    [
        ("colour", 1, "unknown field 'colour'", REDO),
        ("training.colour", 1, "unknown field 'training.colour'", REDO),
        ("figures.1.colour", 1, "unknown field 'figures[1].colour'", REDO),
        ("input.width", 0, "input.width: Expected `int` >= 1", REDO),
        ("input.width", "16", "input.width: Expected `int`, got `str`", REDO),
        ("input.fit", "stretch", "input.fit: Invalid enum value 'stretch'", REDO),
        ("calibration", {}, "calibration: Object missing required field `temperature`", REDO),
        ("figures.1.id", "1", "figures[1].id: expected a unique value, found '1' again", TRAIN),
        (
            "figures.2.display",
            "YODA",
            "figures[2].display: expected a unique value, found 'YODA' again",
            TRAIN,
        ),
        (
            "network.embedding_size",
            7,
            "network.features[0]: expected network.embedding_size (7), found 6",
            TRAIN,
        ),
        ("scores.0.low", 0.99, "scores[0]: expected low <= value <= high", TRAIN),
        ("scores.0.correct", 269, "scores[0].correct: expected at most 268, found 269", TRAIN),
        ("schema", 0, "schema: expected 1, found 0", TRAIN),
        (
            "schema",
            2,
            "written by a newer figsight (schema 2, this one reads up to 1)",
            "upgrade figsight",
        ),
        (
            "files",
            {"model.onnx": "0" * 64},
            "files: expected README.md, found no such entry",
            TRAIN,
        ),
        (
            "created",
            "2025-01-31T13:00:00Z",
            "expected the SHA-256 in its field seal, found another",
            "it was changed after it was written; copy the model again",
        ),
    ],
)
def test_manifest__says_what_is_wrong_and_where(
    path: str, value: Any, problem: str, fix: str
) -> None:
    assert _refusal(_edit(path, value)) == f"model: manifest.json: {problem}: {fix}"


LOW = "expected low <= value <= high, found 0.9, 0.8, 0.98"


@pytest.mark.parametrize(
    ("calibration", "problem"),
    [
        (
            make_calibration(unknown=make_unknown(centres=[1.0])),
            "unknown.centres: expected 0 numbers, found 1",
        ),
        (
            make_calibration(unknown=make_unknown("knn", "energy", spreads=[1.0])),
            "unknown.spreads: expected 2 numbers, found 1",
        ),
        (
            make_calibration(unknown=make_unknown("knn", "energy", spreads=[1.0, 0.0])),
            "unknown.spreads: expected numbers from 1e-09 up, found [1.0, 0.0]",
        ),
        (
            make_calibration(unknown=make_unknown("knn", "energy", spreads=[1e-320, 1.0])),
            "unknown.spreads: expected numbers from 1e-09 up, found [1e-320, 1.0]",
        ),
        (
            make_calibration(unknown=make_unknown("knn", "energy", centres=[0.0, -1e308])),
            "unknown.centres: expected -1e+12 to 1e+12, found [0.0, -1e+308]",
        ),
        (
            make_calibration(unknown=make_unknown("relative_mahalanobis", floors=[])),
            "unknown.floors: expected 2 numbers, found 0",
        ),
        (
            make_calibration(unknown=make_unknown(floors=[0.1, 0.1])),
            "unknown.floors: expected 0 numbers, found 2",
        ),
        (
            make_calibration(unknown=make_unknown("relative_mahalanobis", power=0.0)),
            "unknown.power: expected a number above 0, at most 1, found 0.0",
        ),
        (
            make_calibration(unknown=make_unknown("style_mahalanobis")),
            "unknown.parts: expected no style_mahalanobis, for the network gives no styles",
        ),
        (
            make_calibration(unknown=make_unknown("relative_mahalanobis", floors=[-1.0, 0.5])),
            "unknown.floors: expected numbers from 1e-30 up, found [-1.0, 0.5]",
        ),
        (
            make_calibration(unknown=make_unknown(auroc=make_measured(0.8))),
            f"unknown.auroc: {LOW}",
        ),
        (
            make_calibration(unknown=make_unknown(candidates={"knn": make_measured(0.8)})),
            f"unknown.candidates.knn: {LOW}",
        ),
        (
            make_calibration(unknown=make_unknown(accepted=make_measured(0.9, 0.5, 1.2))),
            "unknown.accepted: expected 0..1, found 0.5 to 1.2",
        ),
        (
            make_calibration(
                unknown=make_unknown(lines=[make_line(0.9, 0.1), make_line(0.8, 0.0)])
            ),
            "unknown.lines: expected shares that rise, found [0.9, 0.8]",
        ),
        (
            make_calibration(unknown=make_unknown(lines=[make_line(0.9, 0.3)])),
            (
                "unknown.lines: expected thresholds that rise with the share, and other shares than "
                "0.95, found [(0.9, 0.3)]"
            ),
        ),
        (
            make_calibration(unknown=make_unknown(lines=[make_line(0.95, 0.25)])),
            (
                "unknown.lines: expected thresholds that rise with the share, and other shares than "
                "0.95, found [(0.95, 0.25)]"
            ),
        ),
        (
            make_calibration(
                unknown=make_unknown(lines=[make_line(0.9, 0.1, accepted=make_measured(0.8))])
            ),
            f"unknown.lines[0].accepted: {LOW}",
        ),
        (make_calibration(sets=make_sets(measured=make_measured(0.8))), f"sets.measured: {LOW}"),
        (make_calibration(sets=make_sets(mean_size=make_measured(0.8))), f"sets.mean_size: {LOW}"),
        (
            make_calibration(sets=make_sets(mean_size=make_measured(1, -0.5, 2))),
            "sets.mean_size: expected numbers from 0 up, found -0.5",
        ),
        (
            make_calibration(operating_point=POINT),
            "operating_point: expected 2 figures, found 3",
        ),
        (
            make_calibration(refused={"temperature": "?"}),
            "refused: expected unknown or sets or operating_point, found 'temperature'",
        ),
        (
            make_calibration(refused={"sets": "too few photos"}, sets=make_sets()),
            "refused.sets: expected no such rule, found calibration.sets",
        ),
    ],
)
def test_manifest__says_what_is_wrong_with_its_rules(
    calibration: Calibration, problem: str
) -> None:
    with pytest.raises(BundleError) as caught:
        encode_manifest(make_manifest(calibration=calibration))
    assert str(caught.value) == (
        f"the new model: manifest.json: calibration.{problem}: train the model again"
    )


@pytest.mark.parametrize("floor", [None, -1.0, 0.0, 1e-320])
def test_manifest__has_a_style_floor_that_can_be_divided_by(floor: float | None) -> None:
    rule = make_unknown("style_mahalanobis", style_floor=floor)
    with pytest.raises(BundleError) as caught:
        encode_manifest(make_styled(calibration=make_calibration(unknown=rule)))
    assert f"unknown.style_floor: expected a number from 1e-30 up, found {floor}:" in str(
        caught.value
    )


def test_manifest__sets_need_a_choice() -> None:
    one = make_manifest(figures=TWO[:1], calibration=make_calibration(sets=make_sets()))
    with pytest.raises(
        BundleError, match=r"calibration\.sets: expected at least 2 figures, found 1"
    ):
        encode_manifest(one)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_manifest__has_finite_thresholds(number: float) -> None:
    for calibration in (
        make_calibration(unknown=make_unknown(threshold=number)),
        make_calibration(sets=make_sets(threshold=number)),
    ):
        with pytest.raises(BundleError, match=r"threshold: Expected `float`, got `null`"):
            encode_manifest(make_manifest(calibration=calibration))


@pytest.mark.parametrize("temperature", [0.0, -1.0, 1e-308, 9.9e-4, 1001.0, 1e308])
def test_manifest__has_a_temperature_that_can_be_divided_by(temperature: float) -> None:
    calibration = make_calibration(temperature=temperature)
    with pytest.raises(BundleError, match=r"calibration\.temperature: Expected `float` [<>]= "):
        encode_manifest(make_manifest(calibration=calibration))


@pytest.mark.parametrize("temperature", [LOWEST, HIGHEST])
def test_manifest__has_room_for_every_temperature_that_is_fitted(temperature: float) -> None:
    encode_manifest(make_manifest(calibration=make_calibration(temperature=temperature)))


def test_manifest__from_the_future_is_named_so_even_with_unknown_fields() -> None:
    assert "upgrade figsight" in _refusal(b'{"schema": 7, "new": [1]}')


@pytest.mark.parametrize(
    "name", ["evil.pkl", "../model.onnx", "thumbnails/1.jpg", "thumbnails/../a.jpg", "a/b", ""]
)
def test_manifest__lists_nothing_but_a_models_own_files(name: str) -> None:
    own = ["README.md", "gallery.safetensors", "model.onnx", "network.safetensors"]
    files = dict.fromkeys([*own, name], "0" * 64)
    assert f"files: expected only a model's own files, found {name!r}" in _refusal(
        _edit("files", files)
    )


def test_manifest__lists_thumbnails_without_gaps() -> None:
    own = ["README.md", "gallery.safetensors", "model.onnx", "network.safetensors"]
    files = dict.fromkeys([*own, "thumbnails/000001.jpg"], "0" * 64)
    assert "files: expected thumbnails/000000.jpg, found no such entry" in _refusal(
        _edit("files", files)
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"schema": "1"}',
        b'{"schema": 1}',
        b'{"schema": NaN}',
        b"[" * 100_000,
        b'{"schema": 1, "training": {"recipe": ' + b"[" * 100_000,
    ],
)
def test_manifest__refuses_what_is_none(text: bytes) -> None:
    assert _refusal(text).startswith("model: manifest.json: ")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_manifest__is_not_written_with_numbers_that_json_lacks(number: float) -> None:
    score = msgspec.structs.replace(make_manifest().scores[0], value=number)
    with pytest.raises(BundleError, match=r"scores\[0\].value: Expected `float`, got `null`"):
        encode_manifest(make_manifest(scores=[score]))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_manifest__notices_any_changed_byte(data: st.DataObject) -> None:
    text = bytearray(TEXT)
    index = data.draw(st.integers(0, len(text) - 1))
    text[index] ^= data.draw(st.integers(1, 255))
    _refusal(bytes(text))


def test_manifest__that_would_fill_the_memory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figsight.bundle.manifest.MAX_VALUES", TEXT.count(b","))
    assert parse_manifest(TEXT, where="model")
    monkeypatch.setattr("figsight.bundle.manifest.msgspec", None)
    assert _refusal(_edit("training.recipe", {"x": [[]] * 500})) == (
        f"model: manifest.json: expected at most {TEXT.count(b','):,} values, found more: "
        "copy the model again"
    )
