"""Training examples from imported conversations whose turns name their acts.

Acts of other collections are brought to ours by a map; those that do not exist here are counted and left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bowerbird.assist.acts.examples import ActExample
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.data.dialogues import Dialogue, Role

SIMMC2_ACTS: Mapping[str, Act | None] = {
    "REQUEST:GET": Act.FIND,
    "INFORM:REFINE": Act.FIND,
    "INFORM:GET": Act.SIMILAR,
    "REQUEST:COMPARE": Act.COMPARE,
    "ASK:GET": Act.ITEM_QUESTION,
    "REQUEST:ADD_TO_CART": Act.SAVE,
    "INFORM:DISAMBIGUATE": None,
}
"""Acts of SIMMC 2 (Kottur et al., EMNLP 2021). Into the cart is what "save" is here: an act on an item."""
MGSHOPDIAL_ACTS: Mapping[str, Act | None] = {
    "greeting": Act.GREETING,
    "elicit": Act.FIND,
    "disclose": Act.FIND,
    "o_question": Act.ITEM_QUESTION,
    "clarify": Act.ITEM_QUESTION,
    **dict.fromkeys(("answer", "explain", "interaction", "nf", "other", "pf", "recommend")),
}
"""Intents of MG-ShopDial (Bernard & Balog, SIGIR 2023); most say how a turn answers, not what it asks for."""
ACT_MAP: Mapping[str, Act | None] = {**SIMMC2_ACTS, **MGSHOPDIAL_ACTS, **{act.value: act for act in Act}}
LIST_LENGTH = 4
"""Items that count as on screen after the first reply."""


@dataclass(frozen=True)
class DialogueExamples:
    """User turns with an act that exists here, and how often other acts were named."""

    examples: list[ActExample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def dialogue_examples(
    dialogues: Iterable[Dialogue], act_map: Mapping[str, Act | None] = ACT_MAP
) -> DialogueExamples:
    """Make an example of each user turn whose acts map to just one act here."""
    examples = DialogueExamples()
    for dialogue in dialogues:
        was_answered = False
        for turn in dialogue.turns:
            if turn.role != Role.USER:
                was_answered = True
                continue
            acts = {act_map.get(name) for name in turn.acts} - {None}
            if turn.text and len(acts) == 1:
                label = str(acts.pop())
                examples.examples.append(
                    ActExample(turn.text, label, "en", n_on_screen=LIST_LENGTH * was_answered)
                )
            else:
                examples.left_out.update(turn.acts)
    return examples
