"""Set a tenth of the dialogues of one file aside, and leave their near copies out of the files to train on.

    python benchmarks/split_dialogues.py STORE OUT redial_train.parquet [redial_mentions.parquet …]

The tenth is taken from the first file by a hash of the dialogue's id. A near copy shares its id, or nearly
all of its items. OUT then holds the files to train on under their own names, `held_out.parquet`, and
`conversations.parquet`: what was said before each recommendation of the tenth, for `bowerbird recommend`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.conversations.contexts import ContextBuilder, ConversationContext, DialogueExample
from bowerbird.conversations.fitting.near_copies import without_near_copies
from bowerbird.conversations.linking import ItemLinker
from bowerbird.data.dialogues import Dialogue
from bowerbird.data.ingest.dialogues import read_dialogue_files
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import hash_share
from bowerbird.data.store import Store
from bowerbird.graft.head.dialogue_examples import read_titles

SHARE, SALT = 0.1, "held-out tenth"
EMPTY_CONTEXT = ConversationContext((), ())


def main() -> None:
    """Read the command line, split, print what each file holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path, help="its items are those that count")
    parser.add_argument("out", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    catalogue = Store.open(options.store).snapshot().catalogue
    dialogues = {file: read_dialogue_files([file], frozenset(catalogue.ids)) for file in options.files}
    held_out = [
        dialogue for dialogue in dialogues[options.files[0]] if hash_share(dialogue.dialogue_id, SALT) < SHARE
    ]
    held_out_ids = [dialogue.dialogue_id for dialogue in held_out]
    builder = ContextBuilder(ItemLinker(read_titles(catalogue)), catalogue.position)
    held_out_items = [_items(dialogue, catalogue) for dialogue in held_out]
    for file, read in dialogues.items():
        dialogue_items = [
            _items(each, catalogue) for each in read if each.dialogue_id not in set(held_out_ids)
        ]
        ids = [example.dialogue_id for example in without_near_copies(dialogue_items, held_out_items)]
        table = pq.read_table(file)
        pq.write_table(_of(table, ids), options.out / file.name)
        print(f"{file.name}: {len(ids):,} of {len(read):,} dialogues to train on")
    table = _of(pq.read_table(options.files[0]), held_out_ids)
    pq.write_table(table, options.out / "held_out.parquet")
    contexts = _contexts(builder.examples(held_out))
    pq.write_table(contexts, options.out / "conversations.parquet")
    n_contexts = len(contexts["conversation_id"].unique())
    print(f"held_out.parquet: {len(held_out):,} dialogues, {n_contexts:,} contexts")


def _items(dialogue: Dialogue, catalogue: Catalogue) -> DialogueExample:
    """A dialogue's labelled items, in the form that near copies are found by."""
    items = {item for turn in dialogue.turns for item in (*turn.mentioned, *turn.recommended)}
    positions = tuple(sorted(catalogue.position[item] for item in items))
    return DialogueExample(dialogue.dialogue_id, EMPTY_CONTEXT, positions)


def _of(table: pa.Table, ids: list[str]) -> pa.Table:
    return table.filter(pc.is_in(table["dialogue_id"], pa.array(ids, table["dialogue_id"].type)))


def _contexts(examples: list[DialogueExample]) -> pa.Table:
    """The turns before each recommendation, each context a conversation of its own."""
    rows = [
        {
            "conversation_id": f"{example.dialogue_id}/{len(example.context.turns)}",
            "turn": number,
            "role": turn.role.value,
            "text": turn.text,
        }
        for example in examples
        for number, turn in enumerate(example.context.turns)
    ]
    return pa.Table.from_pylist(rows)


if __name__ == "__main__":
    main()
