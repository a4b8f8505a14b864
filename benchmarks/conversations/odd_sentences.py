"""Sentences that no shop assistant would say, and answers in another language than the message's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bowerbird.assist.evaluation.claims import LIST_LINE
from bowerbird.assist.reply import Reply
from conversations.moves import Move

ODD_SENTENCES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"no item mentions",
        r"\bnan\b|\bNone\b|\{|\}|\bnull\b",
        r"\b(\w{3,}) \1\b(?! dress)",
        r"\(\s*\)|“”|«»| ,|,,",
        r"\b(?:stripes|dots|checks) (?:gifts|items|dresses)",
        r"\bno (?:a|an|the) ",
        r"\bitems items|gifts gifts|\ba [aeio]\w+ (?:lamp|chair)s\b",
        r"\b(?:nor|not) not\b",
        r"(?<!dark )(?<!light )(?<![\w-])(\w+) or \1\b",
        r"\b(?:is|have) one (?:[\w-]+ ){0,3}(?:lamps|chairs|mirrors|rugs|tables|mugs|hats|bags)\b",
    )
)
_LANGUAGE_WORDS = {
    code: frozenset(words.split())
    for code, words in (
        ("en", "the these here are have you what would for is it doesn't this can i'm of and not"),
        ("es", "aquí tienes el la los de para que no es por he qué cuál más lo una un"),
        ("de", "hier sind ich habe die der das ist für nicht was kostet und ein eine aus"),
        ("fr", "voici je les des pour que est le la plus rien ne vous cette en de un une ai"),
        ("it", "ecco ho il la le per che non è di più questi questo costa un una trovate"),
    )
}


def odd_sentences(reply: Reply, move: Move) -> Iterator[str]:
    """Sentences that no shop assistant would say."""
    if "from the catalogue" in reply.text:
        yield "'from the catalogue' as a reason"
    spoken = "\n".join(line for line in reply.text.split("\n") if not LIST_LINE.match(line))
    for pattern in ODD_SENTENCES:
        match = pattern.search(spoken)
        if match:
            yield f"{match.group()!r} in {spoken[:90]!r}"
    words = re.findall(r"[\w']+", spoken.lower())
    if len(words) > 5:
        counts = {code: sum(word in own for word in words) for code, own in _LANGUAGE_WORDS.items()}
        best = max(counts, key=lambda code: (counts[code], code == move.language))
        if best != move.language and counts[best] >= counts[move.language] + 2 and "“" not in spoken:
            yield f"answers in {best}: {spoken[:90]!r}"
