"""Invalid input: a clear error or a counted rejection, and never half an import."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from bowerbird.data.ingest import imports
from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.recognition.inspection import inspect
from bowerbird.data.readers.values.times import OUT_OF_RANGE
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from commands import run_command


def rejected_rows(path: Path | None) -> list[tuple[str, str]]:
    assert path is not None
    return [(row["reason"], row["where"]) for row in map(json.loads, path.read_text().splitlines())]


def clicks(path: Path, *clicked: tuple[str, str]) -> Path:
    rows = [
        {"type": "track", "event": "Product Clicked", "userId": "ann", "timestamp": at}
        | {"properties": {"product_id": item}}
        for item, at in clicked
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_empty_catalogue(store: Store, feed, tmp_path: Path) -> None:
    (tmp_path / "nothing.tsv").write_bytes(b"")
    for path in (feed([]), tmp_path / "nothing.tsv"):
        with pytest.raises(InputError, match="have no rows"):
            import_layout(store, "google-feed", [path])
    with pytest.raises(InputError, match="none of the 1 items can be used: neither a title"):
        import_layout(store, "google-feed", [feed([("a", "", "1", "")])])
    assert not store.has_catalogue()


def test_an_id_twice(store: Store, feed) -> None:
    summary = import_layout(store, "google-feed", [feed([("a", "Lamp", "1", ""), ("a", "Mug", "2", "")])])
    assert store.catalogue().ids == ["a"] and store.catalogue().item(0).title == "Lamp"
    assert summary.items.rejected == {"duplicate item_id": 1}
    assert rejected_rows(summary.rejected_file) == [("duplicate item_id", "feed.tsv:3")]


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("free", "is not a price"),
        ("-5", "is negative"),
        ("NaN", "is not a price"),
        ("1e400", "is too large"),
        ("1.299", "has two readings"),
        ("5 to 9 EUR", "has several numbers"),
        ("€ 5 USD", "names two currencies"),
    ],
)
def test_an_invalid_price(store: Store, feed, price: str, reason: str) -> None:
    summary = import_layout(store, "google-feed", [feed([("a", "Lamp", price, "")])])
    assert store.catalogue().item(0).price is None
    assert summary.items.accepted == summary.items.repaired.total() == 1
    assert all(text.startswith(f"price {reason}") for text in summary.items.repaired)
    ((listed, location),) = rejected_rows(summary.rejected_file)
    assert listed.startswith(f"kept, without its price: price {reason}") and location == "feed.tsv:2"


def test_a_row_with_more_fields_than_the_header_is_rejected(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text("id,title,price\na,Lamp,5 EUR\nb,Lamp, of oak,6 EUR\n")
    summary = import_layout(store, "google-feed", [path])
    assert store.catalogue().ids == ["a"]
    ((reason, location),) = rejected_rows(summary.rejected_file)
    assert reason.startswith("more fields than the header") and location == "feed.csv:3"


def test_pictures(store: Store, feed, tmp_path: Path, jpeg) -> None:
    Image.new("RGB", (6000, 3750), "teal").save(tmp_path / "huge.png", compress_level=1)
    (tmp_path / "cut.jpg").write_bytes(jpeg(size=(300, 300))[:-400])
    (tmp_path / "text.jpg").write_text("this is not a picture")
    (tmp_path / "small.jpg").write_bytes(jpeg())
    names = ["huge.png", "cut.jpg", "text.jpg", "small.jpg", "absent.jpg"]
    rows = [(name, f"Lamp {name}", "1", name) for name in names]
    summary = import_layout(store, "google-feed", [feed(rows)])
    pictures = {name: store.catalogue().image(row) for row, name in enumerate(store.catalogue().ids)}
    assert {name for name, picture in pictures.items() if picture} == {"huge.png", "small.jpg"}
    assert pictures["small.jpg"] == jpeg()
    with Image.open(io.BytesIO(pictures["huge.png"] or b"")) as scaled:
        assert max(scaled.size) <= 512 and abs(scaled.width / scaled.height - 1.6) < 0.01
    assert (summary.images, summary.images_broken, summary.items.accepted) == (2, 3, 5)
    assert summary.items.repaired == {"picture is missing, or can't be decoded": 3}
    assert summary.rejected_file is not None and "absent.jpg" in summary.rejected_file.read_text()


def test_unknown_items_and_the_year_2087(shop: Store, tmp_path: Path) -> None:
    path = clicks(
        tmp_path / "e.jsonl", ("a", "2026-01-01"), ("zz", "2026-01-01"), ("a", "2087-01-01"), ("a", "-9e10")
    )
    summary = import_layout(shop, "segment", [path])
    assert summary.events.accepted == summary.events.new == len(shop.log) == 1
    assert sorted(rejected_rows(summary.rejected_file), key=lambda row: row[1]) == [
        ("unknown item", "e.jsonl:2"),
        ("time in the future", "e.jsonl:3"),
        (f"no timestamp that can be read: it {OUT_OF_RANGE.reason}", "e.jsonl:4"),
    ]


def test_a_lone_surrogate_and_invalid_json(shop: Store, tmp_path: Path) -> None:
    path = clicks(tmp_path / "e.jsonl", ("a\ud800", "2026-01-01"), ("b", "2026-01-01"))
    with path.open("ab") as file:
        file.write(b"\x00\xff{\n" + b"[" * 100_000 + b"\n")
    summary = import_layout(shop, "segment", [path])
    assert summary.events.accepted == 1
    assert summary.events.rejected == {"unknown item": 1, "not a JSON object": 2}


@pytest.mark.parametrize("name", ["feed.tsv", "feed.xml", "items.parquet"])
def test_binary_garbage(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(range(256)) * 50)
    layout, path = ("ikea-rooms", tmp_path) if name.endswith("parquet") else ("google-feed", tmp_path / name)
    with pytest.raises(InputError, match=r"UTF-8|well-formed XML|Parquet"):
        import_layout(store, layout, [path])


def zipped(*names: str, flags: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "id\ttitle\n1\tA\n")
    content = bytearray(buffer.getvalue())
    if names:
        content[6] |= flags
        content[content.index(b"PK\x01\x02") + 8] |= flags
    return bytes(content)


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.tsv"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n \n", "is empty"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(b"id\ttitle\n" * 99)[:20], "is damaged"),
        (zipped("a.tsv")[:60], "is damaged"),
        (zipped(), "holds 0 files, expected one"),
        (zipped("a.tsv", "b.tsv"), "holds 2 files, expected one"),
        (zipped("a.tsv", flags=1), "is protected by a password"),
        (tarred(), "is a tar archive"),
        (b"%PDF-1.7\n\xe2\xe3", "is a PDF; expected is text"),
        (b"\0" * 900, "holds mostly zero bytes"),
        (b'{"products": [{"id":', "was it cut short"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "is a web page"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # archives hold the time
)
def test_what_is_no_data_says_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match=message):
        inspect(tmp_path / "file")


def test_a_file_that_changes_while_it_is_read_is_not_imported(store: Store, feed, monkeypatch) -> None:
    path = feed([("a", "Lamp", "1", "")])

    def read_and_change(layout: object, paths: list[Path], column_map: Path | None) -> Iterator[object]:
        yield from read_files(FileLayout.GOOGLE_FEED, paths)
        path.write_text(path.read_text() + "b\tMug\t2\t\n")

    monkeypatch.setattr(imports, "read_files", read_and_change)
    with pytest.raises(InputError, match="changed while it was read: nothing was imported"):
        import_layout(store, "google-feed", [path])
    assert not store.has_catalogue()


def test_user_mistakes_end_in_exit_code_2(shop: Store, feed, tmp_path: Path, tree) -> None:
    before = tree(shop.path)
    good = feed([("n", "New lamp", "1", "")], "good.tsv")
    (tmp_path / "bad.tsv").write_bytes(b"id\ttitle\nx\tX\n\x81\xfe\n")
    (tmp_path / "other.tsv").write_text("sku\tname\n1\tLamp\n")
    cases = [
        (["google-feed", good, tmp_path / "bad.tsv"], "not UTF-8"),  # the good file is not imported either
        (["google-feed", tmp_path / "other.tsv"], "no column `id`; it has sku, name"),
        (["google-feed", tmp_path / "absent.tsv"], "absent.tsv"),
        (["shopify", good], "no handle"),
        (["hm", tmp_path], "items.parquet, articles.csv"),
    ]
    for arguments, message in cases:
        process = run_command("import", *arguments, "--store", shop.path)
        assert process.returncode == 2 and message in process.stderr, (arguments, process)
        assert "Traceback" not in process.stderr
        assert tree(shop.path) == before


def test_events_before_items(tmp_path: Path) -> None:
    path = clicks(tmp_path / "e.jsonl", ("a", "2026-01-01"))
    process = run_command("import", "segment", path, "--store", tmp_path / "new")
    assert process.returncode == 2 and "import the catalogue first" in process.stderr
    assert len(Store.open(tmp_path / "new").log) == 0
