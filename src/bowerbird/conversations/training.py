"""Train the conversational recommender on a store's dialogues, and publish it.

The sources are fitted on a part of the dialogues, the fusion on others, and then the sources again on all. A
store without dialogues is trained on generated ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from bowerbird.conversations.config import ConversationConfig, DialogueRankerMeta
from bowerbird.conversations.contexts import DialogueExample
from bowerbird.conversations.evaluation import recall_of
from bowerbird.conversations.fitting.checkpoints import SourceFitting
from bowerbird.conversations.fitting.near_copies import without_near_copies
from bowerbird.conversations.fusion import BASELINES, Fusion, fit_fusion
from bowerbird.conversations.generation.dialogues import generate_dialogues
from bowerbird.conversations.linking import find_everyday_words
from bowerbird.conversations.ranker import ConversationRanker, ExtraSources, new_sources, no_extra_sources
from bowerbird.conversations.sources.source import ConversationSource
from bowerbird.data.dialogues import Dialogue, read_dialogues
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import hash_share
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.errors import StoreError
from bowerbird.progress import print_progress

SALT = "dialogue-fusion"
FITTED_FOLDER = ".training"
"""Sub-folder of the recommenders that holds the sources which an interrupted training has fitted."""

OnHeldOut = Callable[[ConversationRanker, Sequence[DialogueExample]], None]
"""Takes a ranker and examples of dialogues that its sources were not fitted on."""


def ignore_held_out(ranker: ConversationRanker, examples: Sequence[DialogueExample]) -> None:
    """Do nothing with held-out examples."""


def train_conversations(
    store: Store,
    snapshot: StoreSnapshot,
    config: ConversationConfig | None = None,
    extra_sources: ExtraSources = no_extra_sources,
    to_english: Callable[[str], str] | None = None,
    on_held_out: OnHeldOut = ignore_held_out,
    extra_settings: str = "",
) -> Version:
    """Train on all dialogues of a snapshot, generated ones where it has none, and publish.

    `to_english` brings the catalogue's words to the language of generated dialogues. `on_held_out` is called
    while the sources know only a part of the dialogues; `extra_settings` are those of the extra sources: a
    training that was interrupted with other settings is not continued. Raises `StoreError` where nothing can
    be learned.
    """
    config, start = config or ConversationConfig(), time.perf_counter()
    version = snapshot.version("dialogues")
    events = Interactions.of(store.log.read(), snapshot.catalogue)
    sources = [
        *new_sources(snapshot.catalogue, config.network, events),
        *extra_sources(snapshot.catalogue),
    ]
    if version is not None:
        dialogues = read_dialogues(version.path)
    else:
        print_progress("no dialogues were imported: training on generated ones")
        dialogues = generate_dialogues(snapshot.catalogue, events, config.generation, to_english)
    settings = f"{config}/{snapshot.fingerprint}/{len(events)}/{extra_settings}"
    fitting = SourceFitting(store.path / DialogueRankerMeta.KIND / FITTED_FOLDER, settings)
    ranker, examples, recall = fit_ranker(
        snapshot.catalogue, dialogues, config, sources, on_held_out, fitting
    )
    meta = DialogueRankerMeta(
        config=config,
        examples=examples,
        is_generated=version is None,
        recall=recall,
        seconds=time.perf_counter() - start,
    )
    with store.lock("bowerbird graft", wait=True):
        published = store.publish(DialogueRankerMeta.KIND, meta, ranker.save)
    fitting.clear()
    return published


def fit_ranker(
    catalogue: Catalogue,
    dialogues: Sequence[Dialogue],
    config: ConversationConfig,
    sources: Sequence[ConversationSource],
    on_held_out: OnHeldOut = ignore_held_out,
    fitting: SourceFitting | None = None,
) -> tuple[ConversationRanker, int, dict[str, float]]:
    """Fit sources and fusion; also the number of examples and the recall on the held-out ones.

    `fitting` may continue an interrupted training. Raises `StoreError` where no dialogue recommends anything.
    """
    fitting = fitting or SourceFitting()
    popularity = np.zeros(len(catalogue), np.float32)
    for dialogue in dialogues:
        for turn in dialogue.turns:
            for item_id in turn.mentioned:
                if item_id in catalogue.position:
                    popularity[catalogue.position[item_id]] += 1
    everyday_words = find_everyday_words(turn.text for dialogue in dialogues for turn in dialogue.turns)
    ranker = ConversationRanker(catalogue, popularity, everyday_words, sources, Fusion({}))
    examples = ranker.contexts.examples(dialogues)
    if not examples:
        raise StoreError("no dialogue recommends an item of the catalogue: import others")
    held_out, training = _split(examples, config)
    recall: dict[str, float] = {}
    if held_out and training:
        print_progress(f"fitting the sources on {len(training):,} examples, the fusion on {len(held_out):,}")
        fitting.fit(sources, training)
        scores = ranker.source_scores([each.context for each in held_out])
        ranker.fusion = fit_fusion(
            {name: values for name, values in scores.items() if name not in BASELINES}, held_out
        )
        recall = recall_of(ranker, held_out)
        on_held_out(ranker, held_out)
    else:
        ranker.fusion = Fusion(
            {source.name: (1.0,) * 4 for source in sources if source.name not in BASELINES}
        )
    print_progress(f"fitting the sources on all {len(examples):,} examples")
    fitting.fit(sources, examples)
    return ranker, len(examples), recall


def _split(
    examples: Sequence[DialogueExample], config: ConversationConfig
) -> tuple[list[DialogueExample], list[DialogueExample]]:
    """Examples for the fusion, with text where there is any, and for the sources."""
    shares = [hash_share(example.dialogue_id, SALT) for example in examples]
    held_out = [each for each, share in zip(examples, shares, strict=True) if share < config.held_out]
    training = [each for each, share in zip(examples, shares, strict=True) if share >= config.held_out]
    with_text = [each for each in held_out if each.context.turns]
    # In the order of the hash, so that a part of them is a sample of the dialogues.
    chosen = sorted(with_text or held_out, key=lambda each: hash_share(each.dialogue_id, "sample"))
    chosen = chosen[: config.max_fusion_examples]
    return chosen, without_near_copies(training, chosen)


def open_conversations(
    snapshot: StoreSnapshot, extra_sources: ExtraSources = no_extra_sources
) -> ConversationRanker:
    """The conversational recommender of a snapshot. Raises `StoreError` where none was trained."""
    version = snapshot.version(DialogueRankerMeta.KIND)
    if version is None:
        raise StoreError("no recommender from conversations was trained: run `bowerbird graft`")
    return ConversationRanker.load(version.path, snapshot.catalogue, extra_sources)
