"""Training dialogues for a shop that has recorded none, from its catalogue and its events.

Somebody who chose an item in the events asks for it: first by its kind and one or two of its attributes,
then, when another item is offered, by further ones. What they had liked before may be named. So the
recommender learns which words of requests go with which items, and what people choose next.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.config import setting
from bowerbird.conversations.generation.criteria import (
    Criterion,
    CriterionReader,
    describe_item,
    word_phrase,
)
from bowerbird.conversations.generation.purchases import Choice, sample_choices
from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import hash_share
from bowerbird.text.vocabulary import Vocabulary

LIKED_SHARE = 0.4
"""Share of the dialogues that name an item liked before, where there is one."""
HEADLESS_SHARE = 0.1
"""Share of the dialogues that do not say the kind of thing."""


@dataclass(frozen=True)
class GenerationConfig:
    """Settings of generated training dialogues."""

    dialogues: int = setting(3000, "Dialogues that are generated where the store has none", "dialogues")
    max_turns: int = setting(3, "Most messages of the user in a dialogue", "messages")
    taste_share: float = setting(0.5, "Share of the dialogues in which the user's earlier likes are known")
    seed: int = setting(0, "Random seed")


def generate_dialogues(
    catalogue: Catalogue,
    events: Interactions | None,
    config: GenerationConfig,
    to_english: Callable[[str], str] | None = None,
) -> list[Dialogue]:
    """Generate dialogues that end with an item somebody chose; the same for the same seed."""
    vocabulary = Vocabulary.of(catalogue, to_english)
    writer = _DialogueWriter(catalogue, vocabulary, to_english, config)
    sampling = np.random.default_rng(config.seed)
    choices = sample_choices(events, np.flatnonzero(catalogue.available), config.dialogues, sampling)
    return [writer.write(f"generated-{number}", choice) for number, choice in enumerate(choices)]


class _DialogueWriter:
    def __init__(
        self,
        catalogue: Catalogue,
        vocabulary: Vocabulary,
        to_english: Callable[[str], str] | None,
        config: GenerationConfig,
    ) -> None:
        self._catalogue, self._vocabulary = catalogue, vocabulary
        self._reader = CriterionReader(catalogue, vocabulary, to_english)
        self._max_turns, self._taste_share = config.max_turns, config.taste_share
        self._generator = random.Random(config.seed)

    def write(self, dialogue_id: str, choice: Choice) -> Dialogue:
        generator = self._generator
        head = self._reader.head(choice.item, generator)
        is_headless = generator.random() < HEADLESS_SHARE
        criteria = self._reader.criteria(choice.item, generator)
        n_first = generator.choice((0, 1, 1, 2)) + is_headless
        first, rest = criteria[:n_first], criteria[n_first:]
        liked = choice.liked[: generator.random() < LIKED_SHARE and 1]
        n_more = min(generator.randrange(self._max_turns), len(rest))
        turns = [self._opening(None if is_headless else head, first, liked)]
        for criterion in rest[:n_more]:
            turns.append(self._answer(self._other_of_kind(choice.item), is_choice=False))
            turns.append(self._refinement(criterion))
        turns.append(self._answer(choice.item, is_choice=True))
        is_known = hash_share(dialogue_id, "taste") < self._taste_share
        before = [self._catalogue.ids[item] for item in reversed(choice.liked)] if is_known else []
        return Dialogue(dialogue_id, tuple(turns), liked_before=tuple(before))

    def _opening(
        self, head: Criterion | None, criteria: Sequence[Criterion], liked: Sequence[int]
    ) -> DialogueTurn:
        description = describe_item(head, criteria, self._generator)
        if not liked:
            return DialogueTurn(Role.USER, word_phrase("openings", self._generator, item=description))
        title = self._catalogue.title(liked[0])
        text = word_phrase("with_liked", self._generator, item=description, title=title)
        item_id = self._catalogue.ids[liked[0]]
        return DialogueTurn(Role.USER, text, mentioned=(item_id,), liked=(item_id,))

    def _refinement(self, criterion: Criterion) -> DialogueTurn:
        known = ("price", "colour", "material", "style", "brand", "genre", "word")
        move = f"refinement {criterion.name if criterion.name in known else 'other'}"
        slots = {"price": criterion.value, "word": criterion.value, "value": criterion.value}
        text = word_phrase("rejections", self._generator) + " " + word_phrase(move, self._generator, **slots)
        return DialogueTurn(Role.USER, text.strip())

    def _answer(self, position: int, is_choice: bool) -> DialogueTurn:
        item_id = self._catalogue.ids[position]
        text = word_phrase("answers", self._generator, title=self._catalogue.title(position))
        recommended = (item_id,) if is_choice else ()
        return DialogueTurn(Role.ASSISTANT, text, mentioned=(item_id,), recommended=recommended)

    def _other_of_kind(self, position: int) -> int:
        """Another item of the same kind, which is offered first; any other where there is none."""
        for kind in self._vocabulary.values_of(position, "type"):
            others = self._vocabulary.positions["type"][kind]
            if len(others) > 1:
                rest = others[others != position]
                return int(rest[self._generator.randrange(len(rest))])
        return (position + 1 + self._generator.randrange(max(1, len(self._catalogue) - 1))) % len(
            self._catalogue
        )
