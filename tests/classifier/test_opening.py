from __future__ import annotations

import copy
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pytest
from tests.bundle.make import make_bundle, make_manifest
from tests.classifier.conftest import make_photo

from figsight.classifier import Classifier, Prediction, load
from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _send(classifier: Classifier) -> Classifier:
    sent = pickle.loads(pickle.dumps(classifier))  # noqa: S301
    assert isinstance(sent, Classifier)
    return sent


@pytest.mark.parametrize("send", [_send, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("name", ["model", "model.zip"])
def test_classifier__can_be_sent_and_copied(
    tmp_path: Path, name: str, send: Callable[[Classifier], Classifier], monkeypatch: Any
) -> None:
    make_bundle(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with load(name, threads=1) as classifier:
        expected = classifier.predict(make_photo(3))
        monkeypatch.chdir("/")
        with send(classifier) as other:
            assert other is not classifier
            assert other.predict(make_photo(3)) == expected
            assert other.explain(make_photo(3)).class_id == expected.class_id
            assert other._asked == (1, None)


def test_classifier__keeps_its_line_where_it_is_sent(ruled: Classifier) -> None:
    calibration = ruled.manifest.calibration
    assert calibration is not None
    assert calibration.unknown is not None
    with (
        load(ruled.bundle.path, keep=calibration.unknown.kept) as classifier,
        _send(classifier) as other,
    ):
        assert other.manifest == classifier.manifest


def test_classifier__works_in_a_pool_of_new_processes(model: Path) -> None:
    photos = [make_photo(seed) for seed in range(3)]
    with load(model, threads=1) as classifier:
        expected = classifier.predict(photos)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found: list[Prediction] = list(pool.map(classifier.predict, photos))
    assert found == expected


def test_classifier__is_not_another_that_lies_there_by_now(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "model")
    with load(path) as classifier:
        sent = pickle.dumps(classifier)
    shutil.rmtree(path)
    make_bundle(path, make_manifest(figsight="0.0.1"))
    with pytest.raises(BundleError) as caught:
        pickle.loads(sent)  # noqa: S301
    assert str(caught.value) == (
        f"{path}: expected the model that was open where this one comes from, found another; load it "
        "in each process"
    )
    shutil.rmtree(path)
    with pytest.raises(BundleError, match="found nothing"):
        pickle.loads(sent)  # noqa: S301
