"""Rules and classifier together: rules where one spoke, the classifier where none did.

Measured by benchmarks/bench_acts.py: a rule that speaks is right in nearly all cases, and what is left to
"find" because no rule spoke is so in a quarter of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from bowerbird.assist.acts.classifier import ActClassifier
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import UNSURE, ActRecognizer, Message, Recognition, recognise
from bowerbird.assist.understand.patterns.item_questions import EXTREME, PROPOSAL
from bowerbird.assist.understand.patterns.shop import POLICY
from bowerbird.data.arrays import FloatArray

ACCUSATIONS = (Act.INJECTION, Act.ABUSE, Act.RESET)
"""Acts that answer a customer rudely, or drop what was said, where they are wrong."""
ACCUSATION_CONFIDENCE = 0.5
"""Probability from which an accusation is believed."""
OVERRULE_CONFIDENCE = 0.8
"""Probability from which a message that states a need is not a search."""
MAX_COMMAND = 2
"""Words of a command that names no item: "save this"."""
_REFUSAL = re.compile(
    r"n't\b|\b(?:no|not|nor|nothing|none|never|without|stop|enough|hate|dislike|tired|sick|avoid|leave|skip|rid|"
    r"except|hide|remove|anymore|cannot|forget|exclude|minus|drop|out|ban|allergic|allergy|spare|less|fewer)\b"
)
_HIDING = re.compile(
    rf"{_REFUSAL.pattern}|\b(?:ugly|awful|horrible|hideous|terrible|trash|rubbish|bin|ditch|away|dump|dismiss)\b"
)
_SAVING = re.compile(
    r"\b(?:sav\w+|keep\w*|add\w*|put|remember|bookmark\w*|pin\w*|favou?rit\w+|wish ?list|later|take|buy|want|"
    r"list|board|collection|lov\w+|cart|basket|note|store|reserve|like)\b"
)
_COMPARING = re.compile(
    r"\b(?:which|what|whose|better|best|or|versus|between|both|two|three|them|these|those|than|other|apart|"
    r"and the|side|differ\w*|compar\w*|most|[a-z]{3,}er)\b"
)
_OF_TWO = re.compile(r"\w+.*\b(?:than|or|and|to|with|between|versus|vs)\b")
_BUT = re.compile(r"\bbut\b(?! (?:first|please|before)\b)")
"""After praise: "I like the second, but it's too big" wants another."""
_SHOWING = re.compile(
    r"^(?:please |can you |could you |ok |and |now )*(?:show|give)\b(?!.*\b(?:compar|differ|side))"
)
_ONES = re.compile(r"\b(?:the|all|any|these|those) (?P<what>[a-z][a-z' -]{2,30}?) ones\b")
"""Not single items, but all that are so: "leave out the black ones"."""
_RELATIVE_NOT = re.compile(r"\bnot (?:so|that|quite so|too) (?!good|bad|great|well\b)[a-z]{3,}")
_SOMETHING = re.compile(r"\b(?:something|anything) (?:more |really |very )?[a-z]{4,}")
_NOT_SO = re.compile(
    r"^(?:no,? )?(?:and |but |just |please )*(?:not|no|nothing) (?!really|sure|thanks|thank|necessarily|now|"
    r"yet|at all|bothered|important|fussed|particular|idea|preference|matter|for|that|this|these|those|one|"
    r"need|problem|it|sorry|way|wait|more|thank|interested)[a-z]{4,}"
    r"(?:, (?:but |rather |more )*[a-z][a-z -]{2,30})?\W*$"
)
_PROPOSES = re.compile(r"^(?:and |so |ok |well )*(?:how|what) about [a-z]")
_AGREES = re.compile(
    r"^(?:oh |ah |well |hmm |and |i think |that )*(?:yes|yeah|yep|yup|ya|sure|ok|okay|right|correct|"
    r"exactly|indeed|absolutely|definitely|fine|good|great|perfect|agreed?|please|go|do|of course|certainly|"
    r"totally|true|sounds?|deal|why not|gladly|alright|works?|i (?:would|do|agree)|both|cool|nice|love|"
    r"let's|that'?s|makes? sense)\b"
)
_TAKES_LEAVE = re.compile(
    r"\b(?:bye\w*|goodbye|see (?:you|ya)|later|night|farewell|ciao|cheers|take care|leav\w+|going|done|"
    r"go now|that(?:'?s| is) (?:all|it)|have a (?:nice|good|great|lovely)|tomorrow|finished|thank\w*|all set|"
    r"so long|gotta|off)\b"
)
_FACET = re.compile(
    r"\b(?:the|that|this|its|their) (?:brand|maker|colou?r|material|fabric|style|pattern|designer)s?\b"
)
_WANTS_GOODS = re.compile(
    r"\b(?:can|could) you (?:recommend|suggest|show|find|get)(?: me)? (?:an?|any|some)\b|"
    r"\b(?:i (?:want|need)|i'?m looking for|show me) (?!to\b)(?:an?|any|some|the)?|"
    r"\b(?:do you (?:have|sell|stock)|have you(?: got)?|got) (?:an?|any|some)\b|"
    r"^(?:and |so |but )*(?:do you (?:have|sell|stock)|have you got) (?!here\b)[a-z]"
)
EmbedSentence = Callable[[str], FloatArray]
"""A text -> (E,) float32 of length 1."""


class RuleRecognizer:
    """The rules of `understand.acts`."""

    def recognise(self, message: Message) -> Recognition:
        """The act by the rules."""
        reference = message.reference
        points = bool(reference.items or reference.missing)
        if not points and EXTREME.search(message.plain):
            return Recognition(Act.FIND)  # the other end of a list by price, which is not on screen
        by_rank = points and reference.is_explicit
        recognition = recognise(message.plain, points=points, points_by_rank=by_rank)
        ones = _ONES.search(message.plain)
        if recognition.act == Act.HIDE and ones and message.names_value:
            return Recognition(Act.EXCLUDE, ones["what"])
        is_of_value = message.names_value and not (message.names_type or by_rank)
        if recognition.act == Act.HIDE and is_of_value:
            return Recognition(Act.EXCLUDE, message.plain)  # "hide the jute"
        is_range = recognition == Recognition(Act.ABOUT_SHOP, "range")
        # "I have 100, what can I get" asks for items.
        return Recognition(Act.FIND) if is_range and message.states_price else recognition


class ClassifierRecognizer:
    """The learned classifier alone."""

    def __init__(self, classifier: ActClassifier, embed: EmbedSentence | None = None) -> None:
        """`embed` is needed for a classifier that was trained with sentence embeddings."""
        self._classifier = classifier
        self._embed = embed

    def recognise(self, message: Message) -> Recognition:
        """The likeliest act."""
        embedding = self._embed(message.plain) if self._embed and self._classifier.embedding_width else None
        recognition = self._classifier.recognise(message, embedding)
        # What to leave out is looked for in the whole message.
        return replace(recognition, topic=message.plain) if recognition.act == Act.EXCLUDE else recognition


class CombinedRecognizer:
    """What a precise recogniser is sure of, else what a broad one says."""

    def __init__(self, precise: ActRecognizer, broad: ActRecognizer) -> None:
        self._precise = precise
        self._broad = broad

    def recognise(self, message: Message) -> Recognition:
        """The act of the precise recogniser where it is sure, or where the broad one has no idea."""
        precise = self._precise.recognise(message)
        if precise.is_sure:
            return precise
        broad = self._broad.recognise(message)
        if broad.act == Act.EXCLUDE and message.states_need and not _REFUSAL.search(message.plain):
            return precise  # a plain wish: nothing in it refuses anything
        if not _is_possible(broad.act, message):
            return precise
        return broad if broad.confidence > _needed_confidence(broad.act, message) else precise


def _is_possible(act: Act, message: Message) -> bool:
    """Whether the context admits an act that only the broad recogniser sees."""
    if act == Act.UNCLEAR and (message.states_need or _SOMETHING.search(message.plain)):
        return False  # "110 to 200" is a price
    if act == Act.DENY and (_RELATIVE_NOT.search(message.plain) or _NOT_SO.search(message.plain)):
        return False  # "not that bright" and "not ripped" want another
    if act == Act.ITEM_QUESTION and message.names_type and PROPOSAL.search(message.plain):
        return False  # "what about a lamp for it?"
    if act == Act.UNCLEAR and _PROPOSES.search(message.plain):
        return False
    if act == Act.AFFIRM and not _AGREES.search(message.plain):
        return False  # "round would be best" is a wish
    if act == Act.GOODBYE and not _TAKES_LEAVE.search(message.plain):
        return False  # "I have nothing to wear"
    if act == Act.HIDE and _FACET.search(message.plain):
        return False  # "I hate that brand" is about a brand
    if act == Act.COMPARE and _SHOWING.search(message.plain):
        return False  # "show both" wants both kinds
    if act == Act.COMPARE:
        is_of_one = message.reference.is_explicit and len(message.reference.items) == 1
        if message.n_on_screen < 2 or (is_of_one and not _OF_TWO.search(message.plain)):
            return False
        return _COMPARING.search(message.plain) is not None
    if act == Act.HIDE and not _HIDING.search(message.plain):
        return False  # "the third is too short" wants another
    if act == Act.SAVE and (not _SAVING.search(message.plain) or _BUT.search(message.plain)):
        return False
    if act in (Act.SAVE, Act.HIDE):  # "not of wool" hides nothing
        is_short = len(message.plain.split()) <= MAX_COMMAND
        return is_short or bool(message.reference.items or message.reference.missing)
    if act in (Act.ABOUT_SHOP, Act.ABOUT_ASSISTANT):  # "i want a mobile" asks for goods
        return not _WANTS_GOODS.search(message.plain) or POLICY.search(message.plain) is not None
    return True


def _needed_confidence(act: Act, message: Message) -> float:
    """Probability above which an act replaces what the rules assume where none of them speaks."""
    if message.states_need:
        return OVERRULE_CONFIDENCE
    return ACCUSATION_CONFIDENCE if act in ACCUSATIONS else UNSURE
