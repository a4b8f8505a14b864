"""How people ask about items: facts, prices, totals, orders, reasons, comparisons."""

from __future__ import annotations

import re

from bowerbird.assist.understand.act_patterns import Act, Rule, any_of

QUESTION = any_of(
    (
        r"^(?:and |so |but |ok |okay |also |please |hmm |well |then )*(?:is|are|was|does|do|can|could|"
        r"will|would|has|have|how|what|what's|which|who|where|when|isn't|aren't|doesn't)\b"
    ),
    r"\?\s*$",
    r"^(?:the |that |number |item |option )?\w+(?: one)?, ?"
    r"(?:is|are|does|do|can|could|will|would|has|have|how|what|who|where|when)\b",
    (
        r"\btell me (?:a bit |a little )?more\W*$|"
        r"^(?:tell me (?:more )?about|more (?:about|info|details)|details|describe|info(?:rmation)? (?:on|"
        r"about))\b"
    ),
)
WANTS = any_of(
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
PROPOSAL = re.compile(r"\b(?:what|how) about (?:(?:an?|some|another) |[a-z]+s (?:for|to|that|with)\b)")
"""Proposes a kind, and asks nothing of an item: "what about a lamp for it?"."""
VARIANTS = Rule(
    Act.ITEM_QUESTION,
    "",
    any_of(
        r"^(?:and |have you |you )*got (?:it|this|that|them|these) in (?!stock\b)",
        r"\b(?:do|does|have|has|is|are|can|could)\b.{0,20}\b(?:have|got|get|order|buy|see) "
        r"(?:it|this|that|this one|that one) in (?!stock\b|time\b|store\b|the (?:store|shop)\b)",
    ),
)
ITS_FACTS = Rule(
    Act.ITEM_QUESTION,
    "",
    any_of(
        r"^(?:and |so )*(?:who|what|which)(?:'s| is| are) (?:the |its |their |it's )"
        r"(?:brand|maker|manufacturer|price|colou?r|material|fabric|size|dimensions)\W*$",
        r"\bwho (?:makes|made|designed|designs|produces|manufactures) (?:it|them|that|this|these|those|#|"
        r"number|the (?:first|second|third|fourth|fifth|last|other)\b)",
    ),
)
_ONE_OF_LIST = (
    r"(?:it|this|that|§|(?:the )?(?:first|second|third|fourth|fifth|last|other)(?: one)?|"
    r"(?:number|item|no\.?|#) ?\d+|(?:this|that) one)"
)
_LEAD = r"^(?:ok(?:ay)?,? |oh,? |hmm+,? |wow,? |and |well,? |actually,? )*"
OPINION = Rule(
    Act.ITEM_QUESTION,
    "opinion",
    any_of(
        rf"{_LEAD}i (?:really |quite |do |think i |would |rather )*(?:like|love|prefer|fancy|adore) "
        rf"{_ONE_OF_LIST}(?: (?:best|most|more|better|a lot|very much|too|then|the best|the most))*\W*$",
        rf"{_LEAD}{_ONE_OF_LIST},? i (?:really )?like(?: (?:it|a lot|very much))*\W*$",
        rf"{_LEAD}{_ONE_OF_LIST}(?:'s| (?:is|looks|seems|sounds)) "
        r"(?:really |quite |so |very |pretty |rather |more )*(?:nice|lovely|great|good|cute|comfy|"
        r"comfortable|beautiful|pretty|gorgeous|perfect|interesting|cool|ok|fine|my favou?rite)\W*$",
    ),
)
"""What somebody thinks of an item, which is spoken of from then on."""
ANY_OF = Rule(
    Act.ITEM_QUESTION,
    "any_of",
    any_of(
        r"^(?:and |so |but |ok |well )*(?:is|are|do|does|did|have|has|would|can|could|will)? ?"
        r"(?:any|either|one|some) of (?:them|these|those)\b",
    ),
)
"""Which of the list has something."""
TOTAL = Rule(
    Act.ITEM_QUESTION,
    "",
    any_of(
        r"\b(?:what|how much)\b.{0,40}\b(?:total|altogether|all together|together|in all|in sum)\b",
        r"^(?:and )?(?:the )?(?:grand )?total\W*$",
        r"\b(?:add|sum) (?:it|them|that|these|those|everything) up\b",
        r"\bhow much (?:for|is|are|would|will|do|does) (?:.{0,20} )?"
        r"(?:everything|all (?:of )?(?:them|it|these|those|three|four|five)|the lot|both)\b",
    ),
)
PRICES = Rule(
    Act.ITEM_QUESTION,
    "",
    any_of(
        r"\bhow much (?:is|are|does|do|for|would) (?:it|they|that|this|these|those|"
        r"them|both|each|number|item|#|the (?:first|second|third|fourth|fifth|last|two|three|four|other)\b)",
    ),
)
EXTREME = any_of(
    r"^(?:and |what about |how about )*(?:the |your )?(?:cheapest|least expensive|most expensive|priciest|"
    r"dearest)(?: one)?\W*$"
)
"""Nothing but an end of a list by price."""
SORT = Rule(
    Act.FIND,
    "",
    any_of(
        r"^(?:please |can you |could you |now )*(?:sort|order|rank|arrange)\b.*\b(?:by|from)\b",
        r"^(?:please |can you |could you |now )*(?:show|list|put)(?: me)? "
        r"(?:it|them|these|those|all|the list) (?:sorted |ordered )?by price\b",
        r"^(?:now |no |and )*(?:the )?(?:other way (?:a)?round|reverse(?:d)?(?: (?:the |that |this )?"
        r"(?:order|sorting|list|it))?|opposite order)\W*(?:please)?\W*$",
    ),
)

WHY = Rule(
    Act.WHY,
    "",
    any_of(
        r"^why\b(?! not\b)",
        r"\bwhy (?:the|this|that|these|those|it|them|did you|do you|are you|would you)\b",
        r"\bwhat makes (?:you|it|this|that)\b",
        r"\bhow come you\b|\bconvince me\b|\bwhy should i (?:buy|choose|pick|take|get)\b",
        r"\bwhat made you\b",
        r"\b(?:which|what)(?: one)? (?:would|do|should) (?:you|i) "
        r"(?:pick|choose|take|buy|go for|prefer|get)\W*$",
        r"^(?:and )?which (?:one )?(?:would|do) you recommend\W*$",
    ),
)
COMPARE = Rule(
    Act.COMPARE,
    "",
    any_of(
        r"\bcompar(?:e|ed|ison|ing)\b",
        r"\b(?:difference|differences|differ)\b",
        (
            r"\bwhich (?:one )?(?:of (?:them|these|those|the \w+) )?"
            r"(?:is|are|would be|looks?|would look) "
            r"(?:the )?(?:better|best|[a-z]{3,}(?:er|est)|more \w+|most \w+)\b"
        ),
        r"\bversus\b",
        r"\bvs\b",
    ),
)
