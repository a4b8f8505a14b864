"""How each act is said in plain English: patterns, tried in order, the most particular first.

Each repeats a bounded number of times over a text that was cut before, so no message is slow.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


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


class Rule(NamedTuple):
    """A pattern of an act; `topic` is what it is about, or "what": the words of the group of that name."""

    act: Act
    topic: str
    pattern: re.Pattern[str]


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives))


POLICIES: tuple[tuple[str, str], ...] = (
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
    (
        "stores",
        r"opening hours|store (?:hours|near|in)|shops? in|physical (?:store|shop)|"
        r"where are you (?:located|based)",
    ),
    ("gift wrapping", r"gift[- ]?(?:wrap(?:ping)?|cards?|vouchers?)"),
    ("discounts", r"discount codes?|coupons?|promo(?:tion)? codes?|student discount|loyalty|newsletter"),
    ("privacy", r"privacy|gdpr|cookies"),
)
POLICY = re.compile(
    "|".join(rf"(?P<p{number}>\b(?:{words})\b)" for number, (_, words) in enumerate(POLICIES))
)
POLICY_REQUEST = re.compile(
    r"\b(?:is there|are there|do you have|have you got)(?= (?:(?:an?|any|free|your|some) ){0,2}"
    + rf"(?:{'|'.join(words for _, words in POLICIES)})\b)"
)
"""Words of a wish that ask for a policy: "is there a warranty?"."""
NO_GOODS = frozenset(("contact", "stores", "discounts", "sizes", "warranty", "privacy"))
"""Policies whose words name nothing that is sold: "do you have a store in Paris" asks for no goods."""
RULES = (
    Rule(
        Act.INJECTION,
        "",
        _any(
            (
                r"\b(?:ignore|disregard|forget|override)\b[^.]{0,30}\b(?:instructions?|rules|prompts?|"
                r"guidelines)\b"
            ),
            r"\bsystem prompt\b",
            r"\bdeveloper mode\b",
            r"\byou are now\b",
            r"\bjailbreak",
            r"\b(?:reveal|print|show|repeat) (?:me )?(?:your|the) (?:\w+ )?(?:prompt|instructions)\b",
            r"\bpretend (?:to be|you)\b",
            r"\bact as (?:a|an|if)\b",
        ),
    ),
    Rule(
        Act.RESET,
        "",
        _any(
            (
                r"\b(?:start over|start again|start from scratch|new search|new topic|clear (?:the "
                r")?(?:chat|conversation|filters|everything)|reset)\b"
            ),
            (
                r"^(?:ok |okay |no |please )*forget (?:it|that|everything|all)(?: of (?:it|that)| (?:that "
                r")?(?:i|we) said)?\W*$"
            ),
        ),
    ),
    Rule(
        Act.ABUSE,
        "",
        _any(
            (
                r"\b(?:fuck(?:ing|ed)?|shit(?:ty)?|stupid (?:bot|machine|thing|assistant)|you(?:'re| are) "
                r"(?:an? )?(?:idiot|stupid|useless|dumb|moron|terrible|awful|rubbish|garbage)|idiot|"
                r"asshole|bitch|moron|shut up|screw you|you suck|go to hell)\b"
            ),
        ),
    ),
    Rule(
        Act.UNDO,
        "",
        _any(
            r"^(?:please |oops,? |no,? )*(?:undo|revert)\b",
            r"\btake (?:that|it) back\b",
            r"\bundo (?:that|it|the last|both|all|everything)\b",
            r"\b(?:un-?save|un-?hide) (?:it|that|them|both|these|those|the)\b",
        ),
    ),
    Rule(
        Act.EXCLUDE,
        "what",
        _any(
            (
                r"\b(?:stop|quit|don'?t|do not|never|not) (?:show(?:ing)?|recommend(?:ing)?|"
                r"suggest(?:ing)?|offer(?:ing)?|give|giving|bring(?:ing)?)(?: me)?(?: any(?: more)?| "
                r"more)?\s+(?P<what>.{2,60})"
            ),
        ),
    ),
    Rule(
        Act.EXCLUDE,
        "what",
        _any(
            r"^(?:please )?no more (?P<what>(?!than\b)[a-z].{2,60})",
        ),
    ),
    Rule(
        Act.EXCLUDE,
        "what",
        _any(
            (
                r"\b(?:never want to see|(?:don'?t|do not) want to see|enough of|(?:had|seen) enough) "
                r"(?:any |the |these |those )?(?P<what>(?!it\b|this\b|that\b|the\b|these\b|those\b|them\b|"
                r"number\b)[a-z].{2,60}?)"
                r"(?: again| any ?more| ever again)?\W*$"
            ),
        ),
    ),
    Rule(
        Act.ABOUT_ME,
        "delete",
        _any(
            r"\b(?:forget|delete|erase|remove) (?:me|my (?:data|history|account|profile|taste))\b",
        ),
    ),
    Rule(
        Act.ABOUT_ME,
        "taste",
        _any(
            r"\bwhat (?:do|did) you (?:know|think|remember|store) (?:about|of) me\b",
            (
                r"\b(?:what(?:'s| is)|show(?: me)?|describe|tell me about) my (?:taste|style|profile|"
                r"preferences|interests)\b"
            ),
            r"\bwhat (?:do|would) i (?:like|love|prefer)\b",
            r"\b(?:my|change my) (?:taste|preferences) (?:profile|graph|settings)\b",
            r"\bwhy do you think i (?:like|love)\b",
            r"\bchange my (?:taste|preferences)\b",
        ),
    ),
    Rule(
        Act.WHY,
        "",
        _any(
            r"^why\b(?! not\b)",
            r"\bwhy (?:the|this|that|these|those|it|them|did you|do you|are you|would you)\b",
            r"\bwhat makes (?:you|it|this|that)\b",
            r"\bhow come you\b",
            r"\bwhat made you\b",
        ),
    ),
    Rule(
        Act.COMPARE,
        "",
        _any(
            r"\bcompar(?:e|ed|ison|ing)\b",
            r"\b(?:difference|differences|differ)\b",
            (
                r"\bwhich (?:one )?(?:of (?:them|these|those|the \w+) )?"
                r"(?:is|are|would be|looks?|would look) "
                r"(?:the )?(?:better|best|cheaper|warmer|bigger|smaller|larger|softer|nicer|lighter|more \w+|"
                r"most \w+)\b"
            ),
            r"\bversus\b",
            r"\bvs\b",
        ),
    ),
    Rule(
        Act.ABOUT_SHOP,
        "range",
        _any(
            (
                r"\bwhat (?:do|can|kinds? of (?:things|products|items) do|sort of (?:things|products) do|"
                r"else do|products do) (?:you|i|u) (?:sell|have|stock|offer|carry|buy|get)(?: here| in "
                r"(?:your|the) (?:shop|store))?\W*$"
            ),
            r"\bwhat(?:'s| is) in (?:your|the) (?:shop|store|catalogue|range)\b",
            r"\bwhat (?:categories|departments|brands)\b",
            r"\bshow me (?:everything|your (?:range|categories|catalogue))"
            r"(?: (?:you have|you've got|you sell|there is))?\W*$",
            r"\bwhat kind of (?:shop|store) is this\b",
        ),
    ),
    Rule(
        Act.ABOUT_SHOP,
        "popular",
        _any(
            (
                r"^(?:show (?:me )?)?(?:what(?:'s| is| are)|your|the|any)?\s*(?:most )?(?:popular|"
                r"trending|best ?sell(?:ers?|ing)|top sellers?|favourites?)(?: (?:right now|now|today|at "
                r"the moment|items?|products?|here|things?|this week))*\W*$"
            ),
            (
                r"\bwhat (?:are|do) (?:other )?(?:people|others|customers) (?:buying|buy|like|liking|"
                r"love)\b"
            ),
            r"\bwhat(?:'s| is) (?:popular|trending|hot)\b",
        ),
    ),
    Rule(
        Act.ABOUT_SHOP,
        "new",
        _any(
            r"\b(?:what(?:'s| is)|anything|something|show me what(?:'s| is)) new\b",
            r"\bnew (?:arrivals|in stock|products|items)\b",
            r"^(?:the )?(?:latest|newest)(?: (?:arrivals|items|products|things))?\W*$",
        ),
    ),
    Rule(
        Act.ABOUT_SHOP,
        "sale",
        _any(
            (
                r"\b(?:what(?:'s| is)|anything|something|items|show me what(?:'s| is)|which items are) "
                r"(?:on sale|reduced|discounted|on offer)\b"
            ),
            r"^(?:sale|sales|offers|deals)\W*$",
            r"\bany (?:sales|offers|deals|discounts)\b",
        ),
    ),
    Rule(
        Act.ABOUT_ASSISTANT,
        "",
        _any(
            r"\b(?:who|what) are you\b",
            r"\bare you (?:a |an )?(?:bot|human|robot|real|ai|person|machine|chatgpt|computer)\b",
            r"\bwhat can (?:you|u) (?:do|help)\b",
            r"\bhow (?:do|does|can) (?:you|this|i use) (?:work|this|you)\b",
            r"\bwhat(?:'s| is) your name\b",
            r"\bwho (?:made|built|created) you\b",
            r"^(?:help|help me|can you help(?: me)?)\W*$",
            r"\bdo you (?:speak|understand) \w+",
            r"\bwhich (?:model|ai) (?:are|is)\b",
            r"\bhow can you help\b",
        ),
    ),
    Rule(
        Act.ABOUT_SHOP,
        "facet",
        _any(
            (
                r"^(?:and |so )*(?:what|which) (?:colou?rs?|materials?|styles?|patterns?|brands?|sizes?|"
                r"types?|kinds?|genres?)(?: \w+){0,2} (?:do|are|have|can) (?:you|there|i)\b"
            ),
            r"^(?:what|which) (?:colou?rs|materials|styles|patterns|brands|sizes|genres)\W*$",
        ),
    ),
    Rule(
        Act.FIND,
        "ideas",
        _any(
            r"^(?:please )?surprise me\b",
            (
                r"^(?:what (?:would|do|can|should) you (?:recommend|suggest)|(?:can you |please )?"
                r"(?:recommend|suggest|show)(?: me)? (?:something|anything)|"
                r"any (?:ideas|suggestions|recommendations)|"
                r"(?:give|show) me (?:some )?(?:ideas|inspiration|suggestions))(?: for me| please|\?)*\W*$"
            ),
            r"\bi (?:don'?t|do not) know what (?:i|to) (?:want|need|buy|get|look)",
            r"^(?:i'?m |i am )?just (?:looking|browsing)\b",
        ),
    ),
    Rule(
        Act.MORE,
        "others",
        _any(
            (
                r"^(?:no,? |hmm,? |sorry,? )*(?:that'?s |this is |these are |those are )?not (?:my (?:style|"
                r"taste|thing)|for me|what i (?:want|need|meant|mean|am looking for|was looking for)|"
                r"(?:these|those|them)(?: ones)?)\W*$"
            ),
            (
                r"^(?:no,? |sorry,? )*(?:i )?(?:don'?t|do not) (?:like|want) (?:any of )?(?:these|those|them)"
                r"(?: ones)?\W*$"
            ),
            r"^none of (?:these|those|them)\b",
        ),
    ),
    Rule(
        Act.UNCLEAR,
        "off_topic",
        _any(
            r"^(?:please )?(?:write|sing|translate|calculate|compute|code|program|draw)\b",
            r"^(?:who|when|where) (?:is|was|are|were) (?!(?:it|this|that|my|the (?:first|second|third))\b)",
            r"\bwhat(?:'s| is) the (?:capital|meaning of life|time|date|population|president)\b",
            r"^(?:what(?:'s| is) )?\d+ ?[+*/x-] ?\d+\W*$",
        ),
    ),
    Rule(
        Act.SAVE,
        "",
        _any(
            (
                r"\b(?:save|favou?rite|bookmark|wish ?list|pin|remember) (?:the|this|that|it|them|both|"
                r"these|those|number|item|#|all)"
            ),
            (
                r"\b(?:add|put) .{0,40}\b(?:to|on|in|into) (?:my |the )?(?:\w+ )?(?:favou?rites|wish "
                r"?list|saved|board|list|collection)\b"
            ),
            r"^i(?:'ll| will) take (?:it|the|this|that)\b",
            r"\bkeep (?:the|this|that) \w+ (?:one )?for later\b",
        ),
    ),
    Rule(
        Act.HIDE,
        "",
        _any(
            (
                r"\b(?:hide|remove|dismiss|discard|get rid of) (?:the|this|that|it|them|both|these|those|"
                r"number|item|#)"
            ),
            r"\bnot interested in (?:the|this|that|it|them|these|those)\b",
            (
                r"^(?:i )?(?:don'?t|do not) (?:like|want) (?:the (?:first|second|third|fourth|last)|this|"
                r"that|it|these|those)\b(?! (?:colour|color|style|material|pattern))"
            ),
        ),
    ),
    Rule(
        Act.HOW_ARE_YOU,
        "",
        _any(
            r"\bhow are you\b",
            r"\bhow(?:'s| is) it going\b",
            r"\bhow do you do\b",
            r"\bhow(?:'s| is) your day\b",
            r"^(?:what'?s up|sup)\W*$",
            r"\bnice to meet you\b",
        ),
    ),
    Rule(
        Act.HOW_ARE_YOU,
        "small_talk",
        _any(
            r"\btell me (?:a joke|something funny)\b",
            r"\bhow(?:'s| is) the weather\b",
            r"\bdo you love me\b|\bi love you\b|\bmarry me\b",
            r"^(?:lol|haha\w*|hehe)\W*$",
        ),
    ),
    Rule(
        Act.COMPLETE,
        "",
        _any(
            (
                r"\bwhat (?:would |could |should i |else )?(?:goes|go|pairs?|match(?:es)?|wear|fits?|"
                r"works?|suits?) (?:well )?(?:with|to|alongside)\b"
            ),
            r"\b(?:complete|finish|build) (?:the|this|my|a) (?:look|outfit|room|set)\b",
            (
                r"\b(?:something|anything|things?|pieces?|items) (?:that (?:goes?|matche?s?|fits?) |to "
                r"(?:go|wear|match|pair) |matching |for )?(?:with |to match )(?:it|this|that|the (?:first|"
                r"second|third|last|fourth))\b"
            ),
        ),
    ),
    Rule(
        Act.SIMILAR,
        "",
        _any(
            (
                r"(?<!n't )(?<!not )(?<!\bi )(?<!you )(?<!would )"
                r"\b(?:like|similar to|resembling|in the style of|same style as|more of)\b(?= ?§| (?:the|"
                r"this|that|it|these|number|item|#))"
            ),
            (
                r"^(?:show (?:me )?)?(?:something |anything |more |others? )?similar(?: (?:ones|items|"
                r"things|products))?(?: please)?\W*$"
            ),
            r"\b(?:anything|something|others?|more|ones?) similar\W*$",
        ),
    ),
    Rule(
        Act.MORE,
        "",
        _any(
            (
                r"^(?:ok |okay |yes,? |can you |could you |please )*(?:show|give|see|any)?(?: me)? "
                r"?(?:some )?(?:more|others?|other (?:ones|options)|different ones|something (?:else|"
                r"different)|anything else|next|another(?: one)?|what else)(?: (?:please|options|ideas|"
                r"results|ones|of them|of those|like these|items|products|instead|page|to choose "
                r"from))*\W*$"
            ),
            (
                r"\b(?:what else (?:do you have|is there|have you got)|show me (?:some )?(?:more|others)|"
                r"(?:have you |you |you've )?got (?:any |some )?(?:more|others)(?=\W*$)|"
                r"something else instead)\b"
            ),
        ),
    ),
)
GREETING = _any(
    (
        r"^(?:hi+|hello+|hey+|good (?:morning|afternoon|evening|day)|greetings|howdy|hiya)(?: (?:there|"
        r"bowerbird|everyone|again))?\W*$"
    ),
)
THANKS = _any(
    (
        r"^(?:ok |okay |great,? |perfect,? |cool,? |no,? |nice,? )*(?:thanks?|thank you|thx|cheers|ty|"
        r"much appreciated)(?: (?:so much|a lot|you|very much|again|for (?:your|the) help|bye|that'?s "
        r"all))*\W*$"
    ),
    (
        r"^(?:perfect|great|awesome|wonderful|cool|nice|lovely|brilliant|that'?s (?:great|perfect|all|"
        r"it))\W*$"
    ),
)
GOODBYE = _any(
    (
        r"^(?:ok |okay |thanks,? |no,? )*(?:bye+|goodbye|see you|good night|farewell|ciao)(?: (?:bye|then|"
        r"later|now))*\W*$"
    ),
)
AFFIRM = _any(
    (
        r"^(?:yes|yeah|yep|yup|sure|ok|okay|of course|please do|yes please|absolutely|definitely|go "
        r"ahead)\W*$"
    ),
)
DENY = _any(
    r"^(?:no|nope|nah|no thanks?|no thank you|not really|never ?mind|neither)\W*$",
)
QUESTION = _any(
    (
        r"^(?:and |so |but |ok |okay |also |please |hmm |well |then )*(?:is|are|was|does|do|can|could|"
        r"will|would|has|have|how|what|what's|which|who|where|when|isn't|aren't|doesn't)\b"
    ),
    r"\?\s*$",
    (
        r"\btell me (?:a bit |a little )?more\W*$|"
        r"^(?:tell me (?:more )?about|more (?:about|info|details)|details|describe|info(?:rmation)? (?:on|"
        r"about))\b"
    ),
)
WANTS = _any(
    (
        r"\b(?:do you have|have you got|have you any|do you sell|do you stock|can i (?:see|get|have|find)|"
        r"can you (?:show|find|recommend|suggest|give|help)|could you (?:show|find|recommend|suggest)|"
        r"show me|i need|i want|i'?m looking|i am looking|looking for|are there|is there|got any|where "
        r"(?:can i find|are (?:the|your))|what .{0,30}(?:do you have|have you got|would you recommend|do "
        r"you recommend|can you recommend)|which .{0,30}do you (?:have|recommend)|"
        r"(?:anything|something|any|ones?) .{0,20}(?:under|below|"
        r"less than|cheaper|up to|over|above)|any .{0,30}(?:ideas|"
        r"suggestions|recommendations))\b"
    ),
)
POLICY_QUESTION = _any(
    r"\b(?:do|does|can|could|how|what|when|where|is|are|will|who)\b",
    r"\?",
    r"^(?:shipping|delivery|returns?|refunds?|payment|warranty|contact)\b",
    r"\bpolic(?:y|ies)\b",
)
