"""What an assistant works with: the parts of one snapshot, each opened when it is first needed.

Parts that are not there yet (query encoder, graft, events) are done without: then words are matched as words,
and replies are written by templates.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bowerbird.assist.acts.opening import open_recognizer
from bowerbird.assist.cost import StockModelRates, read_stock_rates
from bowerbird.assist.languages import CODES, ENGLISH, HEADS_FIRST, is_known_word, load_language
from bowerbird.assist.parts import opening
from bowerbird.assist.parts.catalogue_words import is_aside, newest_first, positions_by_title
from bowerbird.assist.parts.opening import SlowPart
from bowerbird.assist.parts.turns import Turns
from bowerbird.assist.policies import Policies
from bowerbird.assist.request import Shown
from bowerbird.assist.scoring.weights import RetrievalWeights, open_weights
from bowerbird.assist.understand.acts import ActRecognizer
from bowerbird.assist.understand.model_acts import JsonModel, ModelRecognizer
from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import TEXTS, StoreSnapshot
from bowerbird.embed.index.vectors import item_matrix
from bowerbird.errors import BackboneError, EngineError
from bowerbird.recommend.rerank.shop_rules import RuleFile
from bowerbird.text.languages import detect_catalogue_language
from bowerbird.text.lexicon import Lexicon
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import stem

if TYPE_CHECKING:
    from bowerbird.assist.scoring.conversation import ConversationScorer
    from bowerbird.embed.search.query import QueryEncoder
    from bowerbird.embed.search.searcher import Searcher
    from bowerbird.endpoint.chat import ChatEndpoint
    from bowerbird.graft.model import Graft
    from bowerbird.recommend.completion.completer import Completer
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.taste.graph import TasteGraph
    from bowerbird.taste.profile.reader import TasteReader

_log = logging.getLogger(__name__)
POPULAR = 1000
"""Items whose popularity tells them apart."""


class Parts:
    """The opened parts of a snapshot. `matrix` (items, dim) float32 are the item vectors by position."""

    def __init__(self, snapshot: StoreSnapshot, catalogue: Catalogue, matrix: FloatArray) -> None:
        self.snapshot = snapshot
        self.catalogue = catalogue
        self.matrix = matrix
        self._warm_up: threading.Thread | None = None
        self.turns = Turns()

    def turn(self) -> AbstractContextManager[None]:
        """To be held while a message is read, and while items are found.

        Where a model behind a URL reads, messages wait for it side by side.
        """
        return self.turns.message() if self.endpoint is None else nullcontext()

    @property
    def is_warming_up(self) -> bool:
        """Whether slow parts are being opened in the background."""
        return self._warm_up is not None

    @property
    def is_own_warm_up(self) -> bool:
        """Whether the running thread is the one that opens slow parts in the background."""
        return threading.current_thread() is self._warm_up

    def warm_up(self) -> None:
        """Open what answers need, so that no message waits for it."""
        self._open_fast_parts()
        self._open_slow_parts()

    def warm_up_in_background(self) -> threading.Thread:
        """Open what takes no second, and start a thread that opens the rest.

        Until it ends, answers do without the rest: words are matched as words, and templates write. It has
        the priority of the threads that answer: with a lower one it would be stopped on a busy machine while
        it holds Python's lock or that of an import, and they would wait for it.
        """
        self._open_fast_parts()
        self._warm_up = threading.Thread(target=self._run_warm_up, name="warm-up", daemon=True)
        self._warm_up.start()
        _ = self.acts  # the recogniser that does without the rest
        return self._warm_up

    def _run_warm_up(self) -> None:
        try:
            self._open_slow_parts()
        except EngineError as error:
            _log.warning("the engine of the grafted model does not answer yet, templates write: %s", error)
        except Exception:
            _log.exception("a part of the assistant can't be opened; answers do without it")
        finally:
            self._warm_up = None
            self.__dict__.pop("acts", None)  # opened again, now with the encoder that it may need

    def _open_fast_parts(self) -> None:
        _ = self.vocabulary, self.lexicon, self.positions_by_title, self.policies, self.taste
        for code in CODES:  # a broken file of the shop's own words is reported now, not to a customer
            load_language(code, self.languages_folder)

    def _open_slow_parts(self) -> None:
        _ = self.encoder, self.recommender, self.popularity, self.searcher, self.reader, self.conversation
        settings = self.snapshot.store.settings.language_model
        if "graft" in (settings.writer, settings.understanding) and self.graft is not None:
            list(self.graft.generate(["a"], 1))

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Parts:
        """Open over a store with a catalogue and vectors; `StoreError` where one is missing."""
        return cls(snapshot, snapshot.catalogue, item_matrix(snapshot))

    @cached_property
    def language_code(self) -> str:
        """The language of the catalogue; English for one without a file."""
        code = detect_catalogue_language(self.catalogue)
        return code if code in CODES else ENGLISH

    @cached_property
    def to_english(self) -> Callable[[str], str] | None:
        """Brings the catalogue's words to English, as requests are read; None where they are English."""
        code = self.language_code
        return None if code == ENGLISH else load_language(code, self.languages_folder).to_english

    @property
    def languages_folder(self) -> Path | None:
        """The folder of the shop's own words, where it has one."""
        folder = self.snapshot.store.path / "languages"
        return folder if folder.is_dir() else None

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The catalogue's facets and how they are said."""
        return self.snapshot.open_once(
            "vocabulary",
            lambda: Vocabulary.of(
                self.catalogue, self.to_english, heads_first=self.language_code in HEADS_FIRST
            ),
            of=("vectors", TEXTS),
        )

    @cached_property
    def lexicon(self) -> Lexicon:
        """Which items mention which words."""
        return self.snapshot.open_once(
            "lexicon", lambda: Lexicon.of(self.catalogue, self.to_english), of=("vectors", TEXTS)
        )

    @cached_property
    def acts(self) -> ActRecognizer:
        """Tells what a message does: rules, else the classifier, else the model where it is unsure."""
        learned = open_recognizer(self.snapshot, lambda: self.encoder)
        model = self._understanding_model()
        return ModelRecognizer(model, learned) if model else learned

    def _understanding_model(self) -> JsonModel | None:
        """The language model that the settings let read messages; None where it can't."""
        name = self.snapshot.store.settings.language_model.understanding
        if name != "graft":
            return self.endpoint if name == "endpoint" else None
        if self.is_warming_up or self.graft is None:
            return None
        try:
            self.graft.check_json()
        except BackboneError as error:
            _log.error("the grafted model can't read messages, rules and classifier do: %s", error)
            return None
        return self.graft

    @cached_property
    def policies(self) -> Policies:
        """The shop's own pages."""
        return Policies.open(self.snapshot.store.path)

    @cached_property
    def newest_first(self) -> IntArray:
        """Positions of the items that have a date, the newest first, (dated items,) int64."""
        return newest_first(self.catalogue)

    @cached_property
    def positions_by_title(self) -> Mapping[str, int]:
        """Positions of items by their cleaned titles, those of two words and more."""
        return positions_by_title(self.catalogue)

    @SlowPart
    def encoder(self) -> QueryEncoder | None:
        """Encodes words and pictures into item space."""
        return opening.open_encoder(self.snapshot)

    @SlowPart
    def searcher(self) -> Searcher | None:
        """Finds items like another one, but changed by words."""
        return opening.open_searcher(self.snapshot) if self.encoder else None

    @SlowPart
    def graft(self) -> Graft | None:
        """The grafted model, where one was trained."""
        return opening.open_graft(self.snapshot)

    @SlowPart
    def conversation(self) -> ConversationScorer | None:
        """Scores items by the conversation so far, where a store was trained for it."""
        return opening.open_conversation(self.snapshot)

    @cached_property
    def weights(self) -> RetrievalWeights:
        """How much each source counts in a list."""
        return open_weights(self.snapshot)

    @cached_property
    def endpoint(self) -> ChatEndpoint | None:
        """The language model at a URL, where the settings name one."""
        settings = self.snapshot.store.settings.language_model
        if not (settings.url and settings.model):
            return None
        return self.snapshot.open_once("endpoint", lambda: opening.open_endpoint(settings), of=())

    @property
    def writes_any_language(self) -> bool:
        """Whether the model that writes may be asked for a language without a file."""
        settings = self.snapshot.store.settings.language_model
        return settings.writer == "endpoint" and self.endpoint is not None

    def knows_word(self, word: str) -> bool:
        """Whether the catalogue uses a word, or the shop's own words hold it."""
        return stem(word) in self.lexicon.items_by_stem or is_known_word(word, self.languages_folder)

    @cached_property
    def stock_model(self) -> StockModelRates | None:
        """What the stock model costs, where `bowerbird bench graft` has measured it."""
        return read_stock_rates(self.snapshot.store.path / "reports")

    @cached_property
    def taste(self) -> TasteGraph | None:
        """Everybody's taste."""
        return opening.open_taste(self.snapshot)

    @cached_property
    def reader(self) -> TasteReader | None:
        """Reads a user's taste in words."""
        return opening.open_reader(self.snapshot)

    @SlowPart
    def recommender(self) -> Recommender | None:
        """Ranks items for a user."""
        return opening.open_recommender(self.snapshot)

    @SlowPart
    def popularity(self) -> FloatArray | None:
        """How popular each item is, (items,) float32 from 0 to 1; None without events."""
        if self.recommender is None or self.taste is None:
            return None
        scores = np.zeros(len(self.catalogue), np.float32)
        recommended = self.recommender.recommend(self.taste.state(""), n=POPULAR)
        for rank, recommendation in enumerate(recommended):
            scores[recommendation.position] = 1.0 - rank / POPULAR
        return scores

    @cached_property
    def rules(self) -> RuleFile:
        """The shop's rules, of which the assistant keeps to what is hidden."""
        return RuleFile(self.snapshot.store.path)

    @cached_property
    def completer(self) -> Completer | None:
        """Finds what is missing from a set."""
        return opening.open_completer(self.snapshot)

    def is_aside(self, stem: str) -> bool:
        """Whether items mention a word only as what they are for ("made for a laptop"), or hardly any do."""
        return is_aside(stem, self.catalogue, self.lexicon)

    def shown(self, item_id: str) -> Shown | None:
        """An item as it is listed now; None where it is not sold any more."""
        position = self.catalogue.position.get(item_id)
        if position is None or self.catalogue.withdrawn[position]:
            return None
        item = self.catalogue.item(position)
        return Shown(item.item_id, item.title, item.price)
