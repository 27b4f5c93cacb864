from __future__ import annotations

import io
import math
import os
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper
from PIL import Image
from tests.bundle.make import (
    FEATURES,
    FIGURES,
    PLACES,
    SIDE,
    make_bundle,
    make_manifest,
    make_proto,
    make_weights,
)

from figsight.bundle import Calibration
from figsight.classifier import Classifier, Prediction, load
from figsight.dataset.model import Figure, Photo
from figsight.errors import BundleError, DataError, PhotoError

if TYPE_CHECKING:
    from collections.abc import Iterator


def _numbers(prediction: Prediction | PhotoError) -> Prediction:
    """A prediction without what the photo is called."""
    assert isinstance(prediction, Prediction)
    return replace(prediction, path="")


def _folder(classifier: Classifier, folder: Path) -> list[Prediction]:
    predictions = classifier.predict(folder)
    assert isinstance(predictions, list)
    return predictions


def test_load__takes_a_folder_and_a_zip(model: Path, tmp_path: Path, photos: Path) -> None:
    zipped = make_bundle(tmp_path / "model.zip")
    with load(zipped) as one, load(str(model), threads=1) as two:
        assert one.predict(photos) == two.predict(photos)
        assert np.array_equal(
            one.activation_map(photos / "a" / "0.png", "2"),
            two.activation_map(photos / "a" / "0.png", "2"),
        )


def test_load__refuses_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"expected a figsight model, found nothing"):
        load(tmp_path / "nothing")


def test_load__refuses_a_damaged_graph(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "model")
    with (path / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match=r"model\.onnx: expected SHA-256"):
        load(path)


def test_load__never_runs_another_graph_than_it_checked(tmp_path: Path) -> None:
    proto = make_proto()
    proto.graph.node.append(helper.make_node("Relu", ["nowhere"], ["x"]))
    path = make_bundle(tmp_path / "model", model=proto.SerializeToString())
    with pytest.raises(BundleError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: model.onnx: ONNX Runtime ")
    assert "\n" not in str(caught.value)


def test_classifier__has_the_figures_in_order(classifier: Classifier) -> None:
    assert classifier.figures[2] == Figure("17", "SPIDER-MAN", "SPIDER-MAN (Molten Man)", {})
    assert [figure.id for figure in classifier.figures] == ["1", "2", "17"]
    assert classifier.manifest.figures == make_manifest().figures


@pytest.mark.parametrize("which", ["classifier", "ruled"])
def test_predict__gives_identical_numbers_for_every_form(
    which: str, photos: Path, request: pytest.FixtureRequest
) -> None:
    classifier = request.getfixturevalue(which)
    path = photos / "a" / "2.png"
    data = path.read_bytes()
    image = Image.open(io.BytesIO(data))
    pixels = np.asarray(Image.open(path))
    archive = photos.parent / "set.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("x/2.png", data)
    forms: dict[Any, str] = {
        str(path): str(path),
        path: str(path),
        data: "<bytes>",
        Photo("a/2.png", path): "a/2.png",
        Photo("x/2.png", archive, "x/2.png"): "x/2.png",
    }
    (expected,) = {_numbers(p) for p in _folder(classifier, photos) if p.path == str(path)}
    alone = [(classifier.predict(image), "<image>"), (classifier.predict(pixels), "<array>")]
    alone += [(classifier.predict(form), name) for form, name in forms.items()]
    for prediction, name in alone:
        assert isinstance(prediction, Prediction)
        assert prediction.path == name
        assert _numbers(prediction) == expected
    many = classifier.predict([data, image, pixels, path, *forms])
    assert {_numbers(prediction) for prediction in many} == {expected}


def test_predict__keeps_the_order_of_lists_and_folders(
    classifier: Classifier, photos: Path
) -> None:
    paths = sorted(str(path) for path in photos.rglob("*.png"))
    folder = _folder(classifier, photos)
    assert [prediction.path for prediction in folder] == paths
    assert classifier.predict(paths) == folder
    assert classifier.predict(tuple(paths[::-1])) == folder[::-1]
    assert [classifier.predict(path) for path in paths] == folder
    assert classifier.predict([]) == []
    assert classifier.predict([str(photos), paths[0]]) == [*folder, folder[0]]


def test_predict__names_a_figure(classifier: Classifier, photos: Path) -> None:
    prediction = classifier.predict((photos / "a" / "0.png").read_bytes())
    best = prediction.top[0]
    assert (prediction.class_id, prediction.name) == (best.class_id, best.name)
    assert prediction.probability == best.probability
    assert {one.class_id for one in prediction.top} == {"1", "2", "17"}
    assert {one.name for one in prediction.top} == {figure.display for figure in classifier.figures}
    ranked = [one.probability for one in prediction.top]
    assert ranked == sorted(ranked, reverse=True)
    assert math.isclose(sum(ranked), 1, abs_tol=1e-12)


def test_prediction__becomes_plain_values(classifier: Classifier, photos: Path) -> None:
    prediction = classifier.predict((photos / "a" / "0.png").read_bytes())
    plain = prediction.to_dict(top=2)
    assert list(plain) == [
        *("path", "class_id", "name", "probability", "top"),
        *("unknown", "unknown_score", "set", "sought"),
    ]
    assert plain["unknown"] is plain["unknown_score"] is plain["set"] is None
    assert plain["top"] == [
        {"class_id": one.class_id, "name": one.name, "probability": one.probability}
        for one in prediction.top[:2]
    ]
    assert len(prediction.to_dict()["top"]) == FIGURES


def test_predict__raises_for_a_photo_that_cannot_be_decoded(
    classifier: Classifier, photos: Path
) -> None:
    bad = photos / "b" / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff")
    for source in (bad, photos, [photos / "a" / "0.png", bad]):
        with pytest.raises(PhotoError) as caught:
            classifier.predict(source)
        assert caught.value.path == str(bad)


def test_predict_each__goes_on_after_a_bad_photo(classifier: Classifier, photos: Path) -> None:
    good = _folder(classifier, photos)
    (photos / "b" / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    (photos / "b" / "gone.jpg").symlink_to("nowhere")
    results = list(classifier.predict_each(photos))
    bad = [result for result in results if isinstance(result, PhotoError)]
    assert [Path(error.path).name for error in bad] == ["bad.jpg", "gone.jpg"]
    assert [result for result in results if isinstance(result, Prediction)] == good


def test_predict__says_when_a_photo_of_a_set_is_gone(classifier: Classifier) -> None:
    photo = Photo("x/gone.jpg", Path("gone.jpg"))
    with pytest.raises(PhotoError, match=r"^x/gone\.jpg: "):
        classifier.predict(photo)
    (result,) = classifier.predict_each([photo])
    assert isinstance(result, PhotoError)


def test_predict__refuses_a_folder_without_pictures(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder with pictures, found none in it"):
        classifier.predict(tmp_path)


def test_predict_each__reads_only_a_little_ahead(model: Path) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, "PNG")
        while True:
            taken += 1
            yield buffer.getvalue()

    with load(model, threads=2) as classifier:
        results = classifier.predict_each(endless())
        for _ in range(20):
            next(results)
        assert 20 <= taken <= 26
        results.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("figsight-photo")]


def test_predict_each__reads_an_array_before_its_owner_changes_it(classifier: Classifier) -> None:
    buffer = np.zeros((SIDE, SIDE, 3), np.uint8)

    def film() -> Iterator[np.ndarray]:
        for value in range(0, 250, 25):
            buffer[:] = value
            yield buffer

    found = [_numbers(result) for result in classifier.predict_each(film())]
    alone = [
        _numbers(classifier.predict(np.full_like(buffer, value))) for value in range(0, 250, 25)
    ]
    assert found == alone


def test_predict__works_from_many_threads(classifier: Classifier, photos: Path) -> None:
    expected = classifier.predict(photos)
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(classifier.predict(photos))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def _forward(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The network of ``make_model`` in numpy, in float64."""
    weights = {key: value.astype(np.float64) for key, value in make_weights().items()}
    planes = pixels.astype(np.float64).transpose(0, 3, 1, 2) / 127.5 - 1
    padded = np.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    features = np.einsum("nchwij,fcij->nfhw", windows, weights["conv.weight"]).clip(0)
    embedding = features.mean((2, 3))
    logits = embedding @ weights["classifier.weight"].T + weights["classifier.bias"]
    return logits, embedding, features


def test_predict_each__gives_the_numbers_of_a_photo_alone_after_many(
    classifier: Classifier, photos: Path
) -> None:
    # Long enough for the classifier to load its network a second time on the way.
    path = photos / "a" / "2.png"
    alone = classifier.predict(path)
    assert set(classifier.predict_each([path] * 250)) == {alone}


def test_predict_each__goes_on_when_the_model_was_closed(tmp_path: Path, photos: Path) -> None:
    opened = load(make_bundle(tmp_path / "model.zip"), threads=2)
    alone = opened.predict(photos / "a" / "2.png")
    opened.close()
    assert set(opened.predict_each([photos / "a" / "2.png"] * 250)) == {alone}


def test_run__gives_what_the_network_computes(classifier: Classifier) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (5, SIDE, SIDE, 3), np.uint8)
    logits, embedding, features = _forward(pixels)
    outputs = classifier.run(pixels, features=True)
    assert outputs.features is not None
    assert outputs.logits.dtype == outputs.embedding.dtype == np.float32
    assert np.allclose(outputs.logits, logits, atol=1e-4)
    assert np.allclose(outputs.embedding, embedding, atol=1e-4)
    assert np.allclose(outputs.features, features, atol=1e-4)
    assert classifier.run(pixels).features is None


def test_run__gives_each_photo_the_same_numbers_in_any_batch(classifier: Classifier) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (9, SIDE, SIDE, 3), np.uint8)
    whole = classifier.run(pixels)
    parts = [classifier.run(pixels[i : i + 2]) for i in range(0, 9, 2)]
    assert np.array_equal(whole.logits, np.concatenate([part.logits for part in parts]))
    assert np.array_equal(whole.embedding, np.concatenate([part.embedding for part in parts]))


def test_run__takes_no_photos_too(classifier: Classifier) -> None:
    outputs = classifier.run(np.zeros((0, SIDE, SIDE, 3), np.uint8), features=True)
    assert outputs.features is not None
    assert outputs.logits.shape == (0, FIGURES)
    assert outputs.features.shape == (0, FEATURES, PLACES, PLACES)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, SIDE, SIDE, 3), np.float32),
        np.zeros((SIDE, SIDE, 3), np.uint8),
        np.zeros((1, SIDE, SIDE + 1, 3), np.uint8),
        np.zeros((1, 3, SIDE, SIDE), np.uint8),
        None,
        [np.zeros((SIDE, SIDE, 3), np.uint8)],
    ],
)
def test_run__refuses_pixels_of_another_form(classifier: Classifier, pixels: Any) -> None:
    with pytest.raises(ValueError, match=r"^pixels: expected uint8 \[N, 16, 16, 3\], found "):
        classifier.run(pixels)


def test_run__refuses_a_network_that_breaks_its_word(tmp_path: Path) -> None:
    proto = make_proto()
    proto.graph.initializer[-1].CopyFrom(
        helper.make_tensor(
            proto.graph.initializer[-1].name, TensorProto.FLOAT, [FIGURES], [np.nan] * FIGURES
        )
    )
    path = make_bundle(tmp_path / "model", model=proto.SerializeToString())
    with pytest.raises(BundleError) as caught:
        load(path).predict(np.zeros((4, 4, 3), np.uint8))
    assert str(caught.value) == (
        f"{path}: model.onnx: expected logits as finite float32 [1, 3], found float32 [1, 3] or "
        "numbers that are not finite: train the model again"
    )


FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
LOGITS = arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(FIGURES)), elements=FINITE)


@settings(max_examples=50, deadline=None)
@given(LOGITS)
def test_probabilities__sum_to_one_and_keep_the_order(
    classifier: Classifier, logits: np.ndarray
) -> None:
    found = classifier.probabilities(logits)
    assert found.dtype == np.float64
    assert np.allclose(found.sum(1), 1, atol=1e-12)
    assert (np.diff(np.take_along_axis(found, logits.argsort(1), 1)) >= 0).all()


def test_probabilities__are_softened_by_the_temperature(tmp_path: Path, photos: Path) -> None:
    manifest = make_manifest(calibration=Calibration(temperature=2.5))
    with load(make_bundle(tmp_path / "model", manifest)) as classifier:
        logits = np.array([[1.0, 2.0, 4.0]], np.float32)
        expected = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum()
        assert np.allclose(classifier.probabilities(logits), expected, atol=1e-7)
        prediction = classifier.predict((photos / "a" / "0.png").read_bytes())
        outputs = classifier.run(classifier.prepare(photos / "a" / "0.png")[np.newaxis])
        assert prediction.probability == classifier.probabilities(outputs.logits).max()


@pytest.mark.parametrize("shape", [(2, FIGURES + 1), (2, 1), (FIGURES,), (1, 1, FIGURES), ()])
def test_probabilities__need_a_logit_for_each_figure(
    classifier: Classifier, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"^logits: expected \[N, 3\], a number for each figure, "):
        classifier.probabilities(np.zeros(shape, np.float32))


def test_name__takes_the_outputs_of_one_photo(classifier: Classifier) -> None:
    outputs = classifier.run(np.zeros((2, SIDE, SIDE, 3), np.uint8))
    with pytest.raises(ValueError, match=r"^outputs: expected those of one photo, found 2$"):
        classifier.name("x", outputs)


def test_predict__imports_no_training_library(model: Path, photos: Path) -> None:
    code = (
        "import sys, figsight.classifier as c\n"
        "c.load(sys.argv[1]).predict(sys.argv[2])\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} "
        "& {'torch', 'timm', 'torchvision', 'onnx', 'matplotlib', 'scipy', 'sklearn'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model), str(photos / "a" / "0.png")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
