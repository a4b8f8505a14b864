"""Does the grafted model word replies better than the templates: on the review set's conversations.

    python benchmarks/bench_writers.py STORE [--catalogue demo] [--texts]

Both writers word the same drafts, in turns. Reported of the conversations of one catalogue
(benchmarks/review_conversations.txt): how many drafts a model may word at all (plain lists in English);
of the sentences that it writes for them, how many pass the grounding, and why the others don't; how many
replies come out wholly, partly or not at all in its words; how many of its accepted sentences are
distinct; and what writing costs in processor milliseconds. `--texts` prints both writings of each such
draft, to be read: whether a sentence is good, no count here tells. The store is only read. Ends in one
JSON line.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.draft import Draft
from bowerbird.assist.state import DialogueState
from bowerbird.assist.writers import graft_writer
from bowerbird.assist.writers.contract import TemplateWriter, Writer, WrittenText
from bowerbird.assist.writers.graft_writer import GraftWriter
from bowerbird.data.store import Store
from review_dialogues import CONVERSATIONS, STAND_INS, read_conversations

MODEL_PARTS = 3
"""Sentences that the graft is asked for in a list: an opening, and two reasons."""


class Rejections(logging.Handler):
    """Counts the faults for which sentences are rejected."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.sentences = 0
        self.faults: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        faults = re.sub(r"\d+ words.*", "length", record.getMessage().split("rejected: ", 1)[-1])
        self.sentences += 1
        self.faults.update(
            " ".join(fault.split()[:2]) if fault.startswith("the ") else fault.split()[-1]
            for fault in faults.split("; ")
        )


@dataclass
class Comparison:
    """Both writings of the drafts that a model may word."""

    written: list[tuple[Draft, list[WrittenText], str]] = field(default_factory=list)
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {"graft": [], "template": []})


class ComparingWriter:
    """Writes with the templates, and has the graft word the same draft."""

    def __init__(self, graft: GraftWriter) -> None:
        self.graft, self.template = graft, TemplateWriter()
        self.comparison = Comparison()
        self.drafts = 0

    def write(self, draft: Draft) -> Iterator[WrittenText]:
        """The templates' parts."""
        self.drafts += 1
        template = self._timed("template", self.template, draft)
        if draft.is_plain and draft.turn.language.code == "en":
            written = self._timed("graft", self.graft, draft)
            self.comparison.written.append((draft, written, "".join(part.text for part in template)))
        return iter(template)

    def _timed(self, name: str, writer: Writer, draft: Draft) -> list[WrittenText]:
        start = time.process_time()
        written = list(writer.write(draft))
        self.comparison.milliseconds[name].append(1000 * (time.process_time() - start))
        return written


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--catalogue", default="demo")
    parser.add_argument("--texts", action="store_true", help="print both writings")
    args = parser.parse_args()
    rejections = Rejections()
    logger = logging.getLogger(graft_writer.__name__)
    logger.setLevel(logging.INFO)
    logger.addHandler(rejections)
    snapshot = Store.open(args.store).snapshot()
    parts = Assistant.open(snapshot).parts
    if parts.graft is None:
        raise SystemExit(f"{args.store} has no graft: run `bowerbird graft {args.store}`")
    writer = ComparingWriter(GraftWriter(parts.graft, parts.vocabulary, parts.catalogue))
    assistant = Assistant(parts, writer)
    for conversation in read_conversations(CONVERSATIONS):
        if conversation.catalogue == args.catalogue:
            state = DialogueState()
            for message in conversation.messages:
                text = STAND_INS.get(message, message)
                reply = assistant.reply(state, text, conversation.user, record=lambda event: None)
                state = reply.state
    report(writer, rejections, args.texts)


def report(writer: ComparingWriter, rejections: Rejections, with_texts: bool) -> None:
    """Print what was counted."""
    comparison, console = writer.comparison, Console()
    accepted = [part.text for _, parts, _ in comparison.written for part in parts if part.is_modelled]
    n_asked = sum(min(1 + len(draft.items), MODEL_PARTS) for draft, _, _ in comparison.written)
    worded_replies = Counter(
        "partly" if any(p.is_modelled for p in parts) else "not at all" for _, parts, _ in comparison.written
    )
    for draft, parts, template in comparison.written if with_texts else ():
        console.print(f"[bold]{draft.turn.text}[/]", highlight=False)
        own = "".join(f"{'*' if part.is_modelled else ''}{part.text}" for part in parts)
        console.print(f"{own}\n-- template: {template}\n", markup=False, highlight=False)
    openings = [parts[0].text for _, parts, _ in comparison.written if parts[0].is_modelled]
    ms = {name: float(np.median(times)) for name, times in comparison.milliseconds.items() if times}
    result = {
        "drafts": writer.drafts,
        "may be worded": len(comparison.written),
        "sentences asked for": n_asked,
        "sentences accepted": len(accepted),
        "sentences rejected by grounding": rejections.sentences,
        "replies partly in its words": worded_replies["partly"],
        "openings accepted": len(openings),
        "distinct openings": len(set(openings)),
        "ms to write, graft, median": round(ms.get("graft", 0.0)),
        "ms to write, template, median": round(ms["template"], 2),
    }
    table = Table("graft writer and templates", "", title=f"{writer.drafts} replies")
    for name, value in result.items():
        table.add_row(name, str(value))
    console.print(table)
    faults = dict(rejections.faults.most_common(8))
    print(json.dumps({"bench": "writers", **result, "faults": faults}))


if __name__ == "__main__":
    main()
