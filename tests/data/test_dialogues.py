"""Importing dialogues: three shapes of files, unknown items, bad rows, repeats, and erasure of their text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role, read_dialogues
from bowerbird.data.ingest.dialogues import import_dialogues
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.taste.control.forgetting import forget, is_named

TURNS = [
    {"dialogue_id": "d1", "turn": 1, "role": "assistant", "text": "Try Heat", "recommended": ["a", "zz"]},
    {"dialogue_id": "d1", "turn": 0, "role": "user", "text": "Something tense?", "mentioned": []},
]


@pytest.fixture
def shop(store: Store) -> Store:
    store.publish_catalogue(Catalogue.of([Item("a", "Heat (1995)"), Item("b", "Up (2009)")]))
    return store


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_rows(rows: list[Any], name: str = "dialogues.jsonl") -> Path:
        path = tmp_path / name
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        else:
            path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
        return path

    return write_rows


def stored(store: Store) -> list[Dialogue]:
    version = store.snapshot().version("dialogues")
    return [] if version is None else read_dialogues(version.path)


@pytest.mark.parametrize("name", ["dialogues.jsonl", "dialogues.parquet"])
def test_turns_are_ordered_and_unknown_items_counted(
    shop: Store, write: Callable[..., Path], name: str
) -> None:
    summary = import_dialogues(shop, [write(TURNS, name)])
    expected = (
        DialogueTurn(Role.USER, "Something tense?"),
        DialogueTurn(Role.ASSISTANT, "Try Heat", recommended=("a",)),
    )
    assert stored(shop) == [Dialogue("d1", expected)]
    assert (summary.turns.accepted, summary.new, summary.unknown_items) == (2, 1, {"recommended": 1})


def test_importing_again_changes_nothing(shop: Store, write: Callable[..., Path]) -> None:
    rows = [{**TURNS[0], "satisfaction": 3.17}, TURNS[1]]
    import_dialogues(shop, [write(rows)])
    versions = shop.history()
    assert import_dialogues(shop, [write(rows)]).new == 0
    assert shop.history() == versions


def test_a_sequence_of_items_yields_to_the_same_dialogue_with_text(
    shop: Store, write: Callable[..., Path]
) -> None:
    sequence = {"role": ["user", "assistant"], "sentiment": ["POS", "NEG"], "item_id": ["b", "a"]}
    rows = [{"dialogue_id": "d1"} | sequence, {"dialogue_id": "d2"} | sequence]
    files = [write(TURNS, "text.jsonl"), write(rows, "sequences.jsonl")]
    import_dialogues(shop, files)
    import_dialogues(shop, files[1:])
    with_text, without = stored(shop)
    assert with_text.has_text and not without.has_text
    assert without.turns == (
        DialogueTurn(Role.USER, mentioned=("b",), liked=("b",)),
        DialogueTurn(Role.ASSISTANT, mentioned=("a",), recommended=("a",), disliked=("a",)),
    )


def test_recommending_turns_of_one_dialogue_are_joined(shop: Store, write: Callable[..., Path]) -> None:
    rows = [
        {"dialogue_id": "d", "turn": 1, "context": ["hi"], "response": "Heat?", "recommended": ["a"]},
        {
            "dialogue_id": "d",
            "turn": 3,
            "context": ["hi", "Heat?", "no"],
            "response": "Up?",
            "recommended": ["b"],
        },
    ]
    import_dialogues(shop, [write(rows)])
    (dialogue,) = stored(shop)
    assert [(turn.role.value, turn.text, turn.recommended) for turn in dialogue.turns] == [
        ("user", "hi", ()),
        ("assistant", "Heat?", ("a",)),
        ("user", "no", ()),
        ("assistant", "Up?", ("b",)),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**TURNS[0], "dialogue_id": " "}, "no dialogue_id"),
        ({**TURNS[0], "role": "narrator"}, "role is neither user nor assistant: 'narrator'"),
        ({**TURNS[0], "turn": -1}, "turn is not a whole number from 0 to 100000"),
        ({**TURNS[0], "turn": 1.5}, "turn is not a whole number from 0 to 100000"),
        ({**TURNS[0], "text": ["a"]}, "text is not a text"),
        ({**TURNS[0], "liked": "a"}, "liked is not a list"),
        ({**TURNS[1], "text": "Something else?"}, "another turn of that number"),
        ("[1, 2]\n", "not a JSON object"),
        ("{\n", "not a JSON object"),
    ],
)
def test_a_bad_row_is_rejected_with_its_place_and_reason(
    shop: Store, write: Callable[..., Path], row: Any, reason: str
) -> None:
    summary = import_dialogues(shop, [write([*TURNS, row])])
    assert summary.turns.rejected == {reason: 1}
    assert summary.rejected_file is not None
    line = json.loads(summary.rejected_file.read_text())
    assert (line["reason"], line["where"]) == (reason, "dialogues.jsonl:3")
    assert len(stored(shop)[0].turns) == 2


def test_a_file_of_another_shape_or_without_usable_rows_changes_nothing(
    shop: Store, write: Callable[..., Path]
) -> None:
    for rows, message in [
        ([{"id": 1}], "holds no dialogues that can be read"),
        ([{**TURNS[0], "role": "x"}], "no usable turn"),
    ]:
        with pytest.raises(InputError, match=message):
            import_dialogues(shop, [write(rows)])
    assert stored(shop) == []


def test_dialogues_of_an_erased_user_are_in_no_file(shop: Store, write: Callable[..., Path]) -> None:
    rows = [row | {"user_id": "zoe-7"} for row in TURNS] + [row | {"dialogue_id": "d2"} for row in TURNS]
    import_dialogues(shop, [write(rows)])
    assert is_named(shop, "zoe-7") and not is_named(shop, "zoe")
    forget(shop, "zoe-7")
    assert not is_named(shop, "zoe-7")
    assert [dialogue.dialogue_id for dialogue in stored(shop)] == ["d2"]
    files = [path for path in shop.path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"zoe-7" in path.read_bytes()]
