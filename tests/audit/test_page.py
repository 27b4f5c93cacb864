from __future__ import annotations

import re
import tracemalloc
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from tests.audit.make import flawed, plant, png
from tests.make import scene

from figsight.audit import Audit, check_page, examine, page, write_page
from figsight.audit.results import SuspectLabel
from figsight.dataset import read
from figsight.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

VOID = {"meta", "img", "wbr"}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and collects what matters."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read_page(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    files = flawed()
    files["train/red/<script>alert(1)&amp;.png"] = files["train/red/0.png"]
    return examine(plant(tmp_path_factory.mktemp("page") / "a <b> set", files), labels=False)


def test_write_page__is_one_file_that_needs_no_network(audit: Audit, tmp_path: Path) -> None:
    write_page(audit, tmp_path / "out.html")
    reader = read_page(tmp_path / "out.html")
    links = [value for _, key, value in reader.attributes if key in {"src", "href"}]
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in links)
    assert sum(link.startswith("data:") for link in links) >= 12
    assert "url(" not in (tmp_path / "out.html").read_text("utf-8")
    assert "@import" not in (tmp_path / "out.html").read_text("utf-8")
    targets = {value for _, key, value in reader.attributes if key == "id"}
    assert {link[1:] for link in links if link.startswith("#")} == targets
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]


def test_write_page__escapes_names(audit: Audit, tmp_path: Path) -> None:
    write_page(audit, tmp_path / "out.html")
    assert "<script" not in (tmp_path / "out.html").read_text("utf-8")
    words = "".join(read_page(tmp_path / "out.html").words)
    assert "train/red/<script>alert(1)&amp;.png" in words
    assert "Audit of a <b> set" in words


def test_write_page__names_the_files_of_every_finding(audit: Audit, tmp_path: Path) -> None:
    write_page(audit, tmp_path / "out.html")
    words = "".join(read_page(tmp_path / "out.html").words)
    found = audit.to_dict()
    for path in [
        *(path for paths in found["duplicates"] for path in paths),
        *found["near_duplicates"][0]["paths"],
        *(bad["path"] for bad in found["unreadable"]),
        *(path for kind in ("dark", "blurred", "blank", "unlisted") for path in found[kind]),
    ]:
        assert path in words


def test_write_page__shows_some_and_names_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "SHOWN", 2)
    monkeypatch.setattr(page, "LISTED", 3)
    monkeypatch.setattr(page, "ACROSS", 2)
    files = {f"a/{k}-{n}.png": png(scene(k)) for k in range(7) for n in range(3)}
    files["b/0.png"] = png(scene(99))
    write_page(examine(plant(tmp_path / "set", files), labels=False), tmp_path / "out.html")
    words = "".join(read_page(tmp_path / "out.html").words)
    assert "and 1 more photo" in words
    assert "5 more" in words
    assert "a/4-0.png (a) = a/4-1.png (a)" in words
    assert "And 2 more: see the JSON." in words
    assert "a/6-0.png" not in words


def test_write_page__shows_labels_to_check(tmp_path: Path) -> None:
    files = {
        f"{name}/{k}.png": png(scene(k + 5 * (name == "b"))) for k in range(3) for name in "ab"
    }
    dataset = read(plant(tmp_path / "set", files))
    one, other = dataset.figures
    suspects = (
        SuspectLabel(dataset.photos[0], one, other, 0.9, suspect=True, beside=dataset.photos[-1]),
        SuspectLabel(dataset.photos[1], one, one, 0.1, suspect=False),
    )
    bare = examine(dataset, labels=False)
    audit = Audit(dataset, bare.findings, (), (), (), (), suspects, ("a note",))
    write_page(audit, tmp_path / "out.html")
    words = " ".join(read_page(tmp_path / "out.html").words)
    assert "1 label to check" in words
    assert "labelled a looks like b 90 % suspect" in words
    assert "a note" in words
    assert "most similar photo of b" in words
    first, last = (
        photo.path.replace("/", "/ ") for photo in (dataset.photos[0], dataset.photos[-1])
    )
    assert words.index(first) < words.index(last)
    html = (tmp_path / "out.html").read_text("utf-8")
    card = html[html.index('<div class="findings groups">') :]
    assert card[: card.index("</div>")].count("<figure>") == 2
    assert r"\n" not in words


def test_write_page__a_photo_that_has_gone_leaves_a_place(tmp_path: Path) -> None:
    files = {f"a/{k}.png": png(scene(0)) for k in range(2)} | {"b/0.png": png(scene(1))}
    root = plant(tmp_path / "set", files)
    audit = examine(root, labels=False)
    (root / "a" / "0.png").unlink()
    write_page(audit, tmp_path / "out.html")
    assert "No such file or directory" in read_page(tmp_path / "out.html").words


def test_write_page__is_whole_or_not_at_all(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.html"
    write_page(audit, target)
    before = target.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    message = (
        rf"^{re.escape(str(target))}: expected a place that can be written, found: No space left "
        r"on device; free some space, or choose another folder$"
    )
    with pytest.raises(OutputError, match=message):
        write_page(audit, target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]


def test_write_page__holds_no_more_than_a_piece_of_it(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "_page", lambda _: ("x" * 2**16 for _ in range(2**8)))
    tracemalloc.start()
    try:
        write_page(audit, tmp_path / "out.html")
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
    assert (tmp_path / "out.html").stat().st_size == 2**24


def test_check_page__refuses_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"expected an existing folder .*none, found none; make"):
        check_page(tmp_path / "none" / "out.html")
    with pytest.raises(OutputError, match="expected the name of a file, found a folder"):
        check_page(tmp_path)
    with pytest.raises(
        OutputError,
        match=r"expected a file ending in \.html or \.htm, found '\.json'; write for example a\.html",
    ):
        check_page(tmp_path / "a.json")


def test_write_page__shows_a_photo_of_each_label_of_a_crowd(tmp_path: Path) -> None:
    files = {f"a/{k}.png": png(scene(1)) for k in range(9)} | {"b/0.png": png(scene(1))}
    files |= {f"{label}/{k}.png": png(scene(k)) for label, k in (("a", 20), ("b", 21), ("b", 22))}
    audit = examine(plant(tmp_path / "set", files), labels=False)
    write_page(audit, tmp_path / "out.html")
    reader = read_page(tmp_path / "out.html")
    shown = [value for tag, key, value in reader.attributes if (tag, key) == ("img", "alt")]
    conflict = shown[: page.ACROSS]
    assert "b/0.png" in conflict
    assert sum(path.startswith("a/") for path in conflict) == page.ACROSS - 1
