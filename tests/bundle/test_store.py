from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundle.make import PHOTOS, make_bundle, refusal, verdict

from figsight.bundle import Bundle, open_bundle
from figsight.errors import BundleError


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "model.zip")


def _entry(name: str, mode: int = 0o100644, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    entry.compress_type = method
    return entry


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (_entry("../evil"), "a path out of the model, '../evil'"),
        (_entry("/etc/passwd"), "a path out of the model, '/etc/passwd'"),
        (_entry("thumbnails/../../x"), "a path out of the model, 'thumbnails/../../x'"),
        (_entry("a\\b"), r"the odd name 'a\\b'"),
        (_entry("evaluations.jsonl", 0o120777), "the link 'evaluations.jsonl'"),
        (_entry("evaluations.jsonl", 0o020666), "the device 'evaluations.jsonl'"),
        (_entry("code/", 0o040755), "the folder 'code/'"),
        (_entry("code/__MACOSX/", 0o040755), "the folder 'code/__MACOSX/'"),
        (_entry("__MACOSX/../x"), "a path out of the model, '__MACOSX/../x'"),
        (_entry("__MACOSX/._x", 0o120777), "the link '__MACOSX/._x'"),
        (
            _entry("evaluations.jsonl", method=zipfile.ZIP_BZIP2),
            "an unusual compression of 'evaluations.jsonl'",
        ),
    ],
)
def test_open__refuses_odd_entries_of_a_zip(
    zipped: Path, entry: zipfile.ZipInfo, found: str
) -> None:
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr(entry, b"target")
    assert refusal(zipped) == (
        f"expected plain files, found {found}: make the zip from the model's folder again"
    )


def test_open__refuses_a_name_that_ends_at_a_nul(zipped: Path) -> None:
    data = zipped.read_bytes().replace(b"history.csv", b"history.cs\0")
    zipped.write_bytes(data)
    assert refusal(zipped) == (
        "expected plain files, found the odd name 'history.cs\\x00': "
        "make the zip from the model's folder again"
    )


def test_open__refuses_an_encrypted_zip(zipped: Path) -> None:
    data = bytearray(zipped.read_bytes())
    for found in re.finditer(rb"PK\x01\x02", bytes(data)):
        data[found.start() + 8] |= 1
    zipped.write_bytes(bytes(data))
    assert refusal(zipped).startswith("expected plain files, found the encrypted file ")


def test_open__refuses_a_name_that_is_there_twice(zipped: Path) -> None:
    with (
        zipfile.ZipFile(zipped, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("model.onnx", b"other")
    assert refusal(zipped) == "found 'model.onnx' twice in the zip"


def test_open__refuses_decompression_bombs(zipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(zipped, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("evaluations.jsonl", bytes(2**20))
    monkeypatch.setattr("figsight.bundle.store._MAX_UNPACKED", 2**20)
    assert refusal(zipped).endswith("this looks like a decompression bomb")


def test_open__refuses_a_file_that_is_longer_than_its_zip_declares(zipped: Path) -> None:
    size = zipfile.ZipFile(zipped).getinfo("model.onnx").file_size
    declared = size.to_bytes(4, "little") * 2
    zipped.write_bytes(
        zipped.read_bytes().replace(declared, declared[:4] + (size - 9).to_bytes(4, "little"))
    )
    assert "model.onnx: " in verdict(zipped)


def test_open__unpacks_no_more_than_a_zip_declares(zipped: Path) -> None:
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", bytes(2**25))
    data = bytearray(zipped.read_bytes())
    size = data.index(b"PK\x01\x02") + 24
    data[size : size + 4] = (1000).to_bytes(4, "little")
    zipped.write_bytes(data)
    tracemalloc.start()
    try:
        assert refusal(zipped) == (
            "manifest.json: cannot be read (Bad CRC-32 for file 'manifest.json')"
        )
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def _read_all(bundle: Bundle) -> list[object]:
    gallery = bundle.gallery()
    network = bundle.network()
    return [
        bundle.manifest,
        bundle.model_bytes(),
        gallery.embeddings.tobytes(),
        gallery.paths,
        {key: value.tobytes() for key, value in network.items()},
        [bundle.thumbnail(index) for index in range(PHOTOS)],
        bundle.card(),
        bundle.history(),
        bundle.curves(),
    ]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bundle__reads_a_damaged_zip_right_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.getbasetemp() / "flip.zip"
    if not root.exists():
        make_bundle(root)
    good = root.read_bytes()
    with open_bundle(root) as bundle:
        expected = _read_all(bundle)
    bad = bytearray(good)
    # The directory at the end is where zips are most fragile.
    low = good.index(b"PK\x01\x02") if data.draw(st.booleans()) else 0
    bad[data.draw(st.integers(low, len(bad) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = root.with_name("damaged.zip")
    damaged.write_bytes(bad)
    try:
        with open_bundle(damaged) as bundle:
            assert _read_all(bundle) == expected
    except BundleError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


def test_bundle__leaves_nothing_open_after_a_refusal(zipped: Path) -> None:
    buffer = io.BytesIO(zipped.read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("notes.txt", b"x")
    zipped.write_bytes(buffer.getvalue())
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(3):
        refusal(zipped)
    assert len(list(Path("/dev/fd").iterdir())) <= before


FORKING = """
import os, sys
from figsight.bundle import open_bundle

bundle = open_bundle(sys.argv[1])
expected = [bundle.thumbnail(index) for index in (0, 1)]

def read():
    try:
        same = all([bundle.thumbnail(i) for i in (0, 1)] == expected for _ in range(2000))
    except BaseException as error:
        print(error)
        same = False
    return same

children = []
for _ in range(3):
    child = os.fork()
    if not child:
        os._exit(0 if read() else 1)
    children.append(child)
good = read()
ends = [os.waitpid(child, 0)[1] for child in children]
assert good and not any(ends), ends
"""


def test_zip__is_read_by_forked_processes_at_once(tmp_path: Path) -> None:
    # Large enough that each is read from the file, and not from what was read along with another.
    thumbnails = [b"\xff\xd8\xff" + bytes([index]) * 30_000 for index in range(PHOTOS)]
    path = make_bundle(tmp_path / "model.zip", thumbnails=thumbnails)
    done = subprocess.run(
        [sys.executable, "-c", FORKING, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zip__is_read_anew_in_another_process_whatever_has_its_name(
    zipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_bundle(zipped) as bundle:
        expected = _read_all(bundle)
        open_files = len(list(Path("/dev/fd").iterdir()))
        zipped.unlink()
        zipped.write_bytes(b"another")
        monkeypatch.setattr(os, "getpid", lambda: -1)
        lock = bundle._store._opened[2]._lock  # type: ignore[attr-defined]
        holder = threading.Thread(target=lock.acquire)  # and never gives it back
        holder.start()
        holder.join()
        assert _read_all(bundle) == expected
        assert len(list(Path("/dev/fd").iterdir())) <= open_files
    with pytest.raises(BundleError, match=r"model\.onnx: cannot be read \(.*closed\)$"):
        bundle.model_bytes()
    monkeypatch.undo()
    with pytest.raises(BundleError, match=r"model\.onnx: cannot be read \(.*closed\)$"):
        bundle.model_bytes()


@pytest.mark.parametrize("name", ["model", "model.zip"])
def test_bundle__is_read_wherever_the_program_has_gone(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "else" / "where").mkdir(parents=True)
    (tmp_path / "link").symlink_to("else/where")
    make_bundle(tmp_path / "else" / name)
    monkeypatch.chdir(tmp_path)
    path = f"link/../{name}"
    with open_bundle(path) as bundle:
        expected = _read_all(bundle)
        monkeypatch.chdir("/")
        assert _read_all(bundle) == expected
    assert bundle.path == path


def test_folder__calls_its_files_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bundle(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    with open_bundle("model") as bundle:
        (tmp_path / "model" / "model.onnx").unlink()
        with pytest.raises(
            BundleError, match=r"^model: model\.onnx: cannot be read \(No such file"
        ):
            bundle.model_bytes()


def test_zip__of_too_many_files_is_not_listed(
    zipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(zipped) as archive:
        count = len(archive.infolist())
    monkeypatch.setattr("figsight.bundle.store._MAX_MEMBERS", count)
    with open_bundle(zipped) as bundle:  # its files are longer than the list may be
        bundle.verify()
    monkeypatch.setattr("figsight.bundle.store._MAX_MEMBERS", count - 1)
    monkeypatch.setattr("zipfile.ZipInfo", lambda *_: pytest.fail("the list was parsed"))
    assert refusal(zipped) == (
        f"expected at most {count - 1} files in a zip, found {count} members: give the model's folder"
    )
