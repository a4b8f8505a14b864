"""Run the review conversations through the assistant of a store each, and write the table that people read.

    python benchmarks/review_dialogues.py --store demo=STORE --store hm=STORE --out docs/assistant-review.md

A verdict in `review_conversations.txt` stands until somebody reads the new table and changes it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
from bowerbird.data.store import Store

CONVERSATIONS = Path(__file__).with_name("review_conversations.txt")
MAX_CELL = 420
STAND_INS = {
    "{empty}": "",
    "{emoji}": "😀🛋️",
    "{control}": "\x00\x07\x1b[31m",
    "{long}": "a red lamp please " + "x" * 100_000,
}


@dataclass
class Conversation:
    """Messages to the assistant of one catalogue; `faults` are verdicts by number of the message."""

    name: str
    catalogue: str
    user: str | None
    messages: list[str] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)


def read_conversations(path: Path) -> list[Conversation]:
    """Read the conversations of a file."""
    conversations: list[Conversation] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            name, catalogue, *user = (part.strip() for part in line[3:].split("|"))
            conversations.append(Conversation(name, catalogue, user[0] if user else None))
        elif line.startswith("! "):
            conversations[-1].faults[len(conversations[-1].messages) - 1] = line[2:]
        elif line.strip() and not line.startswith("#"):
            conversations[-1].messages.append(line)
    return conversations


def answers(assistant: Assistant, conversation: Conversation) -> Iterator[Reply]:
    """The answer to each message of a conversation; nothing is written into the store."""
    state = DialogueState()
    for message in conversation.messages:
        reply = assistant.reply(
            DialogueState.from_dict(state.as_dict()),
            STAND_INS.get(message, message),
            user=conversation.user,
            record=lambda event: None,
        )
        state = reply.state
        yield reply


def table(stores: dict[str, Path], conversations: list[Conversation]) -> str:
    """The review table as Markdown."""
    rows, verdicts = [], Counter[str]()
    for catalogue, path in stores.items():
        assistant = Assistant.open(Store.open(path).snapshot()).without_model()
        for conversation in conversations:
            if conversation.catalogue != catalogue:
                continue
            for number, reply in enumerate(answers(assistant, conversation)):
                verdict = conversation.faults.get(number, "good")
                verdicts["good" if verdict == "good" else "not good"] += 1
                name = f"{conversation.name} ({catalogue})" if number == 0 else ""
                cells = (name, conversation.messages[number], reply.act.value, reply.text, verdict)
                rows.append("| " + " | ".join(map(_cell, cells)) + " |")
    head = ["| conversation | message | act | reply | verdict |", "|---|---|---|---|---|"]
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    return "\n".join(
        ["# Review of the assistant's answers", "", INTRODUCTION.format(counted), "", *head, *rows, ""]
    )


INTRODUCTION = """Answers of the template writer (`Assistant.without_model`) to the conversations of
`benchmarks/review_conversations.txt`; made by `benchmarks/review_dialogues.py`. The verdicts are one
reader's, who last read the table as of 2026-11-30; "good" is the default where nothing was marked, and is
not checked again when the table is made anew. Long answers are cut. Verdicts: {}.

Not marked row by row: values that a language file lacks (styles, "jute", "light beige") stand in English in
lists of the other languages."""


def _cell(text: str) -> str:
    cut = text if len(text) <= MAX_CELL else text[:MAX_CELL].rsplit(" ", 1)[0] + " …"
    return cut.replace("|", "\\|").replace("\n", "<br>")


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", action="append", required=True, metavar="CATALOGUE=PATH")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    stores = {name: Path(path) for name, path in (pair.split("=", 1) for pair in options.store)}
    options.out.write_text(table(stores, read_conversations(CONVERSATIONS)), encoding="utf-8")


if __name__ == "__main__":
    main()
