"""What a message does: the act is decided before anything is retrieved, and only `FIND` lists products.

Rules over plain English; other languages are brought to it first (`languages`). Patterns are tried in order,
the most particular first, and each repeats a bounded number of times over a text that was cut before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What a user's message does."""

    FIND = "find"
    MORE = "more"
    SIMILAR = "similar"
    COMPLETE = "complete"
    COMPARE = "compare"
    ITEM_QUESTION = "item_question"
    WHY = "why"
    SAVE = "save"
    HIDE = "hide"
    UNDO = "undo"
    EXCLUDE = "exclude"
    ABOUT_ME = "about_me"
    ABOUT_SHOP = "about_shop"
    ABOUT_ASSISTANT = "about_assistant"
    GREETING = "greeting"
    HOW_ARE_YOU = "how_are_you"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    AFFIRM = "affirm"
    DENY = "deny"
    ABUSE = "abuse"
    INJECTION = "injection"
    RESET = "reset"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Recognition:
    """An act, and what it is about: a policy, a question's attribute, the words of an exclusion."""

    act: Act
    topic: str = ""


_SHOW = r"(?:show(?:ing)?|recommend(?:ing)?|suggest(?:ing)?|offer(?:ing)?|give|giving|bring(?:ing)?)"
_QUESTION_WORDS = (
    r"(?:is|are|was|does|do|can|could|will|would|has|have|how|what|what's|which|who|where|when|"
    r"isn't|aren't|doesn't)"
)
_POLICIES: tuple[tuple[str, str], ...] = (
    (
        "shipping",
        r"ship(?:s|ping|ped|ment)?|deliver(?:y|s|ed|ies)?|postage|courier|dispatch|express|track my",
    ),
    ("returns", r"returns?|refunds?|exchanges?|send (?:it|them|something) back|money back|cancel"),
    ("payment", r"pay(?:ment|ments|ing)?|credit cards?|paypal|klarna|invoice|instal+ments?|apple pay"),
    ("warranty", r"warrant(?:y|ies)|guarantees?"),
    ("sizes", r"size (?:guide|chart)|sizing|how do (?:your )?sizes"),
    (
        "contact",
        r"contact|phone number|email|customer service|talk to (?:a )?(?:human|person|someone)|real person",
    ),
    ("stores", r"opening hours|store (?:hours|near)|physical (?:store|shop)|where are you (?:located|based)"),
    ("gift wrapping", r"gift[- ]?(?:wrap(?:ping)?|cards?|vouchers?)"),
    ("discounts", r"discount codes?|coupons?|promo(?:tion)? codes?|student discount|loyalty|newsletter"),
    ("privacy", r"privacy|gdpr|cookies"),
)
_POLICY = re.compile(
    "|".join(rf"(?P<p{number}>\b(?:{words})\b)" for number, (_, words) in enumerate(_POLICIES))
)
_ASKS_POLICY = re.compile(
    r"\b(?:do|does|can|could|how|what|when|where|is|are|will|who)\b|\?|^(?:shipping|delivery|returns?|refunds?|"
    r"payment|warranty|contact)\b|\bpolic(?:y|ies)\b"
)
_RULES: tuple[tuple[Act, str, re.Pattern[str]], ...] = tuple(
    (act, topic, re.compile(pattern))
    for act, topic, pattern in (
        (
            Act.INJECTION,
            "",
            r"\b(?:ignore|disregard|forget|override)\b[^.]{0,30}\b(?:instructions?|rules|prompts?|guidelines)\b|"
            r"\bsystem prompt\b|\bdeveloper mode\b|\byou are now\b|\bjailbreak|\b(?:reveal|print|show|repeat) "
            r"(?:me )?(?:your|the) (?:\w+ )?(?:prompt|instructions)\b|\bpretend (?:to be|you)\b|\bact as (?:a|an|if)\b",
        ),
        (
            Act.RESET,
            "",
            r"\b(?:start over|start again|start from scratch|new search|new topic|clear (?:the )?"
            r"(?:chat|conversation|filters|everything)|reset)\b|^(?:ok |okay |no |please )*forget (?:it|that|"
            r"everything|all)(?: of (?:it|that)| (?:that )?(?:i|we) said)?\W*$",
        ),
        (
            Act.ABUSE,
            "",
            r"\b(?:fuck(?:ing|ed)?|shit(?:ty)?|stupid (?:bot|machine|thing|assistant)|you(?:'re| are) (?:an? )?"
            r"(?:idiot|stupid|useless|dumb|moron|terrible|awful|rubbish|garbage)|idiot|asshole|bitch|moron|"
            r"shut up|screw you|you suck|go to hell)\b",
        ),
        (
            Act.UNDO,
            "",
            r"^(?:please |oops,? |no,? )*(?:undo|revert)\b|\btake (?:that|it) back\b|\bundo (?:that|it|the last)\b",
        ),
        (
            Act.EXCLUDE,
            "what",
            rf"\b(?:stop|quit|don'?t|do not|never|not) {_SHOW}(?: me)?(?: any(?: more)?| more)?\s+(?P<what>.{{2,60}})",
        ),
        (Act.EXCLUDE, "what", r"^(?:please )?no more (?P<what>(?!than\b)[a-z].{2,60})"),
        (
            Act.ABOUT_ME,
            "delete",
            r"\b(?:forget|delete|erase|remove) (?:me|my (?:data|history|account|profile|taste))\b",
        ),
        (
            Act.ABOUT_ME,
            "taste",
            r"\bwhat (?:do|did) you (?:know|think|remember|store) (?:about|of) me\b|\b(?:what(?:'s| is)|show(?: me)?|"
            r"describe|tell me about) my (?:taste|style|profile|preferences|interests)\b|\bwhat (?:do|would) i "
            r"(?:like|love|prefer)\b|\b(?:my|change my) (?:taste|preferences) (?:profile|graph|settings)\b|"
            r"\bwhy do you think i (?:like|love)\b|\bchange my (?:taste|preferences)\b",
        ),
        (
            Act.WHY,
            "",
            r"^why\b(?! not\b)|\bwhy (?:the|this|that|these|those|it|them|did you|do you|are you|would you)\b|"
            r"\bwhat makes (?:you|it|this|that)\b|\bhow come you\b",
        ),
        (
            Act.COMPARE,
            "",
            r"\bcompar(?:e|ed|ison|ing)\b|\b(?:difference|differences|differ)\b|\bwhich (?:one )?(?:of (?:them|these|"
            r"those|the \w+) )?(?:is|are|would be|looks?) (?:the )?(?:better|best|cheaper|warmer|bigger|smaller|larger|"
            r"softer|nicer|lighter|more \w+|most \w+)\b|\bversus\b|\bvs\b",
        ),
        (
            Act.ABOUT_SHOP,
            "range",
            r"\bwhat (?:do|can|kinds? of (?:things|products|items) do|sort of (?:things|products) do|else do|products do) "
            r"(?:you|i|u) (?:sell|have|stock|offer|carry|buy|get)(?: here| in (?:your|the) (?:shop|store))?\W*$|"
            r"\bwhat(?:'s| is) in (?:your|the) (?:shop|store|catalogue|range)\b|\bwhat (?:categories|departments|brands)\b|"
            r"\bshow me (?:everything|your (?:range|categories|catalogue))\b|\bwhat kind of (?:shop|store) is this\b",
        ),
        (
            Act.ABOUT_SHOP,
            "popular",
            r"^(?:show (?:me )?)?(?:what(?:'s| is| are)|your|the|any)?\s*(?:most )?(?:popular|trending|best ?sell(?:ers?|ing)|"
            r"top sellers?|favourites?)(?: (?:right now|now|today|at the moment|items?|products?|here|things?|this week))*\W*$|"
            r"\bwhat (?:are|do) (?:other )?(?:people|others|customers) (?:buying|buy|like|liking|love)\b|"
            r"\bwhat(?:'s| is) (?:popular|trending|hot)\b",
        ),
        (
            Act.ABOUT_SHOP,
            "new",
            r"\b(?:what(?:'s| is)|anything|something|show me what(?:'s| is)) new\b|\bnew (?:arrivals|in stock|products|items)\b|"
            r"^(?:the )?(?:latest|newest)(?: (?:arrivals|items|products|things))?\W*$",
        ),
        (
            Act.ABOUT_SHOP,
            "sale",
            r"\b(?:what(?:'s| is)|anything|something|items|show me what(?:'s| is)|which items are) (?:on sale|reduced|discounted|"
            r"on offer)\b|^(?:sale|sales|offers|deals)\W*$|\bany (?:sales|offers|deals|discounts)\b",
        ),
        (
            Act.ABOUT_ASSISTANT,
            "",
            r"\b(?:who|what) are you\b|\bare you (?:a |an )?(?:bot|human|robot|real|ai|person|machine|chatgpt|computer)\b|"
            r"\bwhat can (?:you|u) (?:do|help)\b|\bhow (?:do|does|can) (?:you|this|i use) (?:work|this|you)\b|"
            r"\bwhat(?:'s| is) your name\b|\bwho (?:made|built|created) you\b|^(?:help|help me|can you help(?: me)?)\W*$|"
            r"\bdo you (?:speak|understand) \w+|\bwhich (?:model|ai) (?:are|is)\b|\bhow can you help\b",
        ),
        (
            Act.SAVE,
            "",
            r"\b(?:save|favou?rite|bookmark|wish ?list|pin|remember) (?:the|this|that|it|them|both|these|those|number|item|#|all)|"
            r"\b(?:add|put) .{0,40}\b(?:to|on|in|into) (?:my |the )?(?:\w+ )?(?:favou?rites|wish ?list|saved|board|list|collection)\b|"
            r"^i(?:'ll| will) take (?:it|the|this|that)\b|\bkeep (?:the|this|that) \w+ (?:one )?for later\b",
        ),
        (
            Act.HIDE,
            "",
            r"\b(?:hide|remove|dismiss|discard|get rid of) (?:the|this|that|it|them|both|these|those|number|item|#)|"
            r"\bnot interested in (?:the|this|that|it|them|these|those)\b|^(?:i )?(?:don'?t|do not) (?:like|want) (?:the (?:first|"
            r"second|third|fourth|last)|this|that|it|these|those)\b(?! (?:colour|color|style|material|pattern))",
        ),
        (
            Act.HOW_ARE_YOU,
            "",
            r"\bhow are you\b|\bhow(?:'s| is) it going\b|\bhow do you do\b|\bhow(?:'s| is) your day\b|^(?:what'?s up|sup)\W*$|"
            r"\btell me a joke\b|\bhow(?:'s| is) the weather\b|\bdo you love me\b|\bnice to meet you\b",
        ),
        (
            Act.COMPLETE,
            "",
            r"\bwhat (?:would |could |should i |else )?(?:goes|go|pairs?|match(?:es)?|wear|fits?|works?|suits?) (?:well )?"
            r"(?:with|to|alongside)\b|\b(?:complete|finish|build) (?:the|this|my|a) (?:look|outfit|room|set)\b|"
            r"\b(?:something|anything|things?|pieces?|items) (?:that (?:goes?|matche?s?|fits?) |to (?:go|wear|match|pair) |matching |"
            r"for )?(?:with |to match )(?:it|this|that|the (?:first|second|third|last|fourth))\b",
        ),
        (
            Act.SIMILAR,
            "",
            r"\b(?:like|similar to|resembling|in the style of|same style as|more of)\b(?= ?§| (?:the|this|that|it|these|number|item|#))|"
            r"^(?:show (?:me )?)?(?:something |anything |more |others? )?similar(?: (?:ones|items|things|products))?(?: please)?\W*$",
        ),
        (
            Act.MORE,
            "",
            r"^(?:ok |okay |yes,? |can you |could you |please )*(?:show|give|see|any)?(?: me)? ?(?:some )?(?:more|others?|"
            r"other (?:ones|options)|different ones|something (?:else|different)|anything else|next|another(?: one)?|what else)"
            r"(?: (?:please|options|ideas|results|ones|of them|of those|like these|items|products|instead|page|to choose from))*\W*$|"
            r"\b(?:what else (?:do you have|is there|have you got)|show me (?:some )?(?:more|others)|something else instead)\b",
        ),
    )
)
_GREETING = re.compile(
    r"^(?:hi+|hello+|hey+|good (?:morning|afternoon|evening|day)|greetings|howdy|hiya)(?: (?:there|bowerbird|everyone|again))?\W*$"
)
_THANKS = re.compile(
    r"^(?:ok |okay |great,? |perfect,? |cool,? |no,? |nice,? )*(?:thanks?|thank you|thx|cheers|ty|much appreciated)"
    r"(?: (?:so much|a lot|you|very much|again|for (?:your|the) help|bye|that'?s all))*\W*$|"
    r"^(?:perfect|great|awesome|wonderful|cool|nice|lovely|brilliant|that'?s (?:great|perfect|all|it))\W*$"
)
_GOODBYE = re.compile(
    r"^(?:ok |okay |thanks,? |no,? )*(?:bye+|goodbye|see you|good night|farewell|ciao)(?: (?:bye|then|later|now))*\W*$"
)
_AFFIRM = re.compile(
    r"^(?:yes|yeah|yep|yup|sure|ok|okay|of course|please do|yes please|absolutely|definitely|go ahead)\W*$"
)
_DENY = re.compile(r"^(?:no|nope|nah|no thanks?|no thank you|not really|never ?mind|neither)\W*$")
_ASKS = re.compile(
    rf"^(?:and |so |but |ok |okay |also |please |hmm |well |then )*{_QUESTION_WORDS}\b|\?\s*$|"
    r"^(?:tell me (?:more )?about|more (?:about|info|details)|details|describe|info(?:rmation)? (?:on|about))\b"
)
_WANTS = re.compile(
    r"\b(?:do you have|have you got|have you any|do you sell|do you stock|can i (?:see|get|have|find)|can you (?:show|find|recommend|"
    r"suggest|give|help)|could you (?:show|find|recommend|suggest)|show me|i need|i want|i'?m looking|i am looking|looking for|"
    r"are there|is there|got any|where (?:can i find|are (?:the|your))|what .{0,30}(?:do you have|have you got|would you recommend|"
    r"do you recommend|can you recommend)|which .{0,30}do you (?:have|recommend)|any .{0,30}(?:ideas|suggestions|recommendations))\b"
)


def recognise(text: str, *, points: bool, points_by_rank: bool) -> Recognition:
    """The act of a cleaned English text.

    `points` says whether it refers to items on screen at all, `points_by_rank` whether by rank, title or id.

    >>> [recognise(text, points=False, points_by_rank=False).act.value
    ...  for text in ("hi, how are you?", "do you ship to spain?", "a warm lamp under 60", "stop showing me hats")]
    ['how_are_you', 'about_shop', 'find', 'exclude']
    """
    for act, pattern in ((Act.GREETING, _GREETING), (Act.THANKS, _THANKS), (Act.GOODBYE, _GOODBYE)):
        if pattern.search(text):
            return Recognition(act)
    for act, pattern in ((Act.AFFIRM, _AFFIRM), (Act.DENY, _DENY)):
        if pattern.search(text):
            return Recognition(act)
    for act, topic, rule in _RULES:
        match = rule.search(text)
        if match:
            return Recognition(act, match[topic].strip(" .,!?") if topic == "what" else topic)
    policy = _POLICY.search(text)
    if policy and _ASKS_POLICY.search(text) and not _WANTS.search(text):
        number = int((policy.lastgroup or "p0")[1:])
        return Recognition(Act.ABOUT_SHOP, _POLICIES[number][0])
    if points and _ASKS.search(text) and (points_by_rank or not _WANTS.search(text)):
        return Recognition(Act.ITEM_QUESTION)
    return Recognition(Act.FIND)
