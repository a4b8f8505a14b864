"""The shop's own pages (shipping, returns, sizes), as Markdown files in the store; answers quote them.

`bowerbird import policies FOLDER --store S` copies a folder of `.md` files to `policies/` in the store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bowerbird.assist.languages import Language, detect_language, load_language
from bowerbird.errors import InputError
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.words import normalize_text, stem, tokenize

FOLDER = "policies"
MAX_FILE_BYTES = 1_000_000
MAX_QUOTE = 320
_MARKUP = re.compile(r"[*_`>#]+|!?\[([^\]]*)\]\([^)]*\)|<[^>]{0,200}>")
_TOPIC_WORDS = {
    "shipping": "shipping ship delivery deliver postage courier dispatch",
    "returns": "return refund exchange cancel",
    "payment": "payment pay card paypal invoice klarna instalment",
    "warranty": "warranty guarantee",
    "sizes": "size sizing",
    "contact": "contact email phone customer service",
    "stores": "store opening hour address location",
    "gift wrapping": "gift wrap card voucher",
    "discounts": "discount coupon promotion code newsletter loyalty",
    "privacy": "privacy data cookie",
}


@dataclass(frozen=True)
class Passage:
    """A sentence of a page, with the heading above it."""

    page: str
    heading: str
    text: str
    stems: frozenset[str]
    """Of the sentence, as written and in English."""
    title_stems: frozenset[str]
    """Of the page's name and the heading."""


class Policies:
    """The passages of a shop's pages."""

    def __init__(self, passages: tuple[Passage, ...] = ()) -> None:
        self.passages = passages

    @classmethod
    def open(cls, store: Path) -> Policies:
        """Read the pages of a store; none where it has none."""
        paths = sorted((store / FOLDER).glob("*.md"))
        return cls(tuple(passage for path in paths for passage in _passages(path)))

    def find(self, topic: str, question: str) -> Passage | None:
        """The passage that speaks most of a question on a topic; None where no page speaks of the topic."""
        topic_stems = {stem(word) for word in _TOPIC_WORDS.get(topic, topic).split()}
        question_stems = {
            stem(word) for word in tokenize(question) if word[0].isalnum() and word not in EMPTY_WORDS
        } - topic_stems
        best_passage, best_score = None, 0.0
        for passage in self.passages:
            on_topic = 2.0 * bool(topic_stems & passage.title_stems) + bool(topic_stems & passage.stems)
            score = on_topic + len(question_stems & passage.stems) if on_topic else 0.0
            if score > best_score:
                best_passage, best_score = passage, score
        return best_passage


def import_policies(folder: Path, store: Path) -> list[str]:
    """Copy the pages of a folder into a store, replacing those before; gives their names.

    Raises `InputError` where the folder holds no Markdown file, or one that is not text.
    """
    paths = sorted(folder.glob("*.md")) if folder.is_dir() else []
    if not paths:
        raise InputError(f"{folder} holds no .md file: give a folder of Markdown pages, one a topic")
    pages = {path.name: _read(path) for path in paths}
    target = store / FOLDER
    target.mkdir(exist_ok=True)
    for old in target.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (target / name).write_text(text, encoding="utf-8")
    return list(pages)


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError(
            f"{path} has {path.stat().st_size} bytes, expected at most {MAX_FILE_BYTES}: split it"
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text: save it as UTF-8") from None


def _passages(path: Path) -> Iterator[Passage]:
    page, heading = path.stem.replace("-", " ").replace("_", " "), ""
    content = path.read_text(encoding="utf-8", errors="replace")
    language = load_language(detect_language(normalize_text(content)))
    for line in content.splitlines():
        plain = " ".join(_MARKUP.sub(lambda match: match[1] or " ", line).split())
        if line.lstrip().startswith("#"):
            heading = plain
            continue
        for sentence in re.split(r"(?<=[.!?])\s+", plain):
            if len(sentence) > 3:
                title_stems = _stems(f"{page} {heading}", language)
                yield Passage(page, heading, sentence[:MAX_QUOTE], _stems(sentence, language), title_stems)


def _stems(text: str, language: Language) -> frozenset[str]:
    """Stems of a text's words, as written and in English."""
    plain = normalize_text(text, 600)
    words = tokenize(f"{plain} {language.to_english(plain)}")
    return frozenset(stem(word) for word in words if word[0].isalnum())
