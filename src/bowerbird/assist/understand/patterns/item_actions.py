"""How people ask for something to be done with items: save, hide, exclude, complete, show more, undo."""

from __future__ import annotations

from bowerbird.assist.understand.act_patterns import Act, Rule, any_of

UNDO = Rule(
    Act.UNDO,
    "",
    any_of(
        r"^(?:please |oops,? |no,? )*(?:undo|revert)\b",
        r"\btake (?:that|it) back\b",
        r"\bundo (?:that|it|the last|both|all|everything)\b",
        r"\bun-?hide (?:it|that|them|both|these|those|the)\b",
    ),
)
UNSAVE = Rule(
    Act.UNDO,
    "saved",
    any_of(
        r"\b(?:un-?save|un-?favou?rite) (?:it|that|this|them|both|these|those|the|number|item)\b",
        (
            r"\b(?:remove|take|delete|drop) (?:it|that|this|them|both|these|those|the|number|item|#).{0,40}"
            r"\b(?:from|off|out of) (?:my |the )?(?:saved?|saves|favou?rites|wish ?list|bookmarks|list|"
            r"boards?|collection)\b"
        ),
    ),
)
EXCLUDE_SHOWN = Rule(
    Act.EXCLUDE,
    "what",
    any_of(
        (
            r"\b(?:stop|quit|don'?t|do not|never|not) (?:show(?:ing)?|recommend(?:ing)?|"
            r"suggest(?:ing)?|offer(?:ing)?|give|giving|bring(?:ing)?)(?: me)?(?: any(?: more)?| "
            r"more)?\s+(?P<what>.{2,60})"
        ),
    ),
)
EXCLUDE_MORE = Rule(
    Act.EXCLUDE,
    "what",
    any_of(
        r"^(?:please )?no more (?P<what>(?!than\b)[a-z].{2,60})",
    ),
)
EXCLUDE_SEEN = Rule(
    Act.EXCLUDE,
    "what",
    any_of(
        (
            r"\b(?:never want to see|(?:don'?t|do not) want to see|enough of|(?:had|seen) enough) "
            r"(?:any |the |these |those )?(?P<what>(?!it\b|this\b|that\b|the\b|these\b|those\b|them\b|"
            r"number\b|(?:first|second|third|fourth|fifth|last) (?:one|item)\b)[a-z].{2,60}?)"
            r"(?: again| any ?more| ever again)?\W*$"
        ),
    ),
)
IDEAS = Rule(
    Act.FIND,
    "ideas",
    any_of(
        r"^(?:please )?surprise me\b",
        (
            r"^(?:what (?:would|do|can|should) you (?:recommend|suggest)|(?:can you |please )?"
            r"(?:recommend|suggest|show)(?: me)? (?:something|anything)|"
            r"any (?:ideas|suggestions|recommendations)|"
            r"(?:give|show) me (?:some )?(?:ideas|inspiration|suggestions))(?: for me| please|\?)*\W*$"
        ),
        r"^(?:so |ok |but )*where (?:do|should|can) i (?:start|begin)\b",
        r"\bi (?:don'?t|do not) know what (?:i|to) (?:want|need|buy|get|look)",
        r"^(?:i (?:have|'ve|got) |i've )?(?:no|not (?:a|any)) (?:idea|clue) what (?:i|to) "
        r"(?:want|need|buy|get|look)",
        r"\bnot (?:really |quite )?sure what (?:i|to) (?:want|need|buy|get|'?m (?:looking|after))",
        r"^(?:i'?m |i am )?just (?:looking|browsing)\b",
    ),
)
NOT_THESE = Rule(
    Act.MORE,
    "others",
    any_of(
        (
            r"^(?:no,? |hmm,? |sorry,? )*(?:that'?s |this is |these are |those are )?not "
            r"(?:really |quite |exactly )?(?:my (?:style|"
            r"taste|thing)|for me|what i (?:want|need|meant|mean|am looking for|was looking for)|"
            r"(?:these|those|them)(?: ones)?)\W*$"
        ),
        (
            r"^(?:no,? |sorry,? )*(?:i )?(?:don'?t|do not) (?:like|want) (?:any of )?(?:these|those|them)"
            r"(?: ones)?\W*$"
        ),
        r"^none of (?:these|those|them)\b",
        (
            r"\b(?:i(?:'ve| have)?|you(?:'ve| have)?|we(?:'ve| have)?|was|were|been)? ?(?:already |just )?"
            r"(?:seen|saw|shown|showed|suggested) (?:me )?(?:already |just )?"
            r"(?:that|this|these|those|them|it|all of (?:these|those|them))(?: ones?| items)?"
            r"(?: (?:already|before|earlier|twice))+\W*$"
        ),
        (
            r"\b(?:i(?:'ve| have)|you(?:'ve| have)) (?:already|just) (?:seen|shown|suggested) (?:me )?"
            r"(?:that|this|these|those|them|it|all of (?:these|those|them))(?: ones?| items)?\W*$"
        ),
    ),
)
EARLIER = Rule(
    Act.MORE,
    "earlier",
    any_of(
        r"^(?:please |can you |could you |ok |and )*(?:show|see|give|go back to|back to)?(?: me)? ?(?:the )?"
        r"(?:first|previous|earlier|former) (?:ones|list|results|items|suggestions|options)"
        r"(?: again| once more| please)*\W*$",
        r"^(?:no,? |sorry,? |and |the )*(?:ones?|list|results) (?:from )?before(?: (?:that|those))?\W*$",
        r"^(?:please |can you |could you |ok )*go back(?: to (?:the|that) (?:list|results|others?))?\W*$",
    ),
)
SAVE = Rule(
    Act.SAVE,
    "",
    any_of(
        r"^(?:please )*(?:save|bookmark)(?: please)?\W*$",
        (
            r"\b(?:save|favou?rite|bookmark|wish ?list|pin|remember) (?:the|this|that|it|them|both|"
            r"these|those|number|item|#|all)"
        ),
        (
            r"\b(?:add|put) .{0,40}\b(?:to|on|in|into) (?:my |the )?(?:\w+ )?(?:favou?rites|wish "
            r"?list|saved|board|list|collection)\b"
        ),
        (
            r"^(?:ok(?:ay)?,? |then |so |great,? |alright,? )*(?:i(?:'ll|'d| will| would)|let'?s|let me) "
            r"(?:take|buy|go (?:for|with)|pick|choose) (?:it|this|that|number|the (?:first|second|third|"
            r"fourth|fifth|last|cheaper|cheapest|more expensive))\b(?!.*\b(?:in|but|under|if|instead)\b)"
        ),
        r"^i(?:'ll| will) take (?:it|the|this|that)\b",
        r"\bkeep (?:the|this|that) \w+ (?:one )?for later\b",
        r"^(?:ok(?:ay)?,? |then |so |great,? )*take (?:it|this|that|the (?:first|second|third|fourth|last))"
        r"(?: one)?\W*(?:please)?\W*$",
    ),
)
CART_TOPIC = "cart"
CART = Rule(
    Act.SAVE,
    CART_TOPIC,
    any_of(
        r"\b(?:add|put)\b.{0,30}\b(?:to|in|into) (?:my |the |a )?(?:shopping )?(?:cart|basket|trolley)\b",
        r"^(?:ok(?:ay)?,? |give me |i'll take |i want |please )*(?:\d{1,2}|two|three|four|five|six) of "
        r"(?:it|this|that|(?:the )?(?:first|second|third|fourth|fifth|last)(?: one)?)\W*(?:please)?\W*$",
        r"\bcheck ?out\b(?! (?:the|this|these|those|that|some|your)\b)|\bplace (?:an|my|the) order\b",
        r"^(?:ok(?:ay)?,? |please |i want to |i'd like to |can i |let me )*(?:buy|order) (?:it|this|that|"
        r"them|both|the (?:first|second|third|fourth|last))(?: (?:one|now|please|here|online))*\W*$",
    ),
)
"""Orders, which the assistant does not take: it saves what is to be bought."""
HIDE = Rule(
    Act.HIDE,
    "",
    any_of(
        (
            r"\b(?:hide|remove|dismiss|discard|get rid of|leave out|take out) (?:the|this|that|it|them|both|"
            r"these|those|number|item|#)"
        ),
        (
            r"\b(?:take|leave|throw) (?:the (?:first|second|third|fourth|fifth|last)|this|that|it|them|"
            r"number|item|#).{0,20}\b(?:out|away|off)\b"
        ),
        r"\bnot interested in (?:the|this|that|it|them|these|those)\b",
        r"\bnever want to see (?:the (?:first|second|third|fourth|fifth|last)|this|that|it|these|those)\b",
        (
            r"^(?:i )?(?:don'?t|do not) (?:like|want) (?:the (?:first|second|third|fourth|last)|this|"
            r"that|it|these|those)\b(?! (?:colour|color|style|material|pattern))"
        ),
    ),
)
COMPLETE = Rule(
    Act.COMPLETE,
    "",
    any_of(
        (
            r"\bwhat (?:would |could |should i |else )?(?:goes|go|pairs?|match(?:es)?|wear|fits?|"
            r"works?|suits?) (?:well )?(?:with|to|alongside)\b"
        ),
        r"\b(?:complete|finish|build) (?:the|this|my|a) (?:look|outfit|room|set)\b",
        (
            r"(?<!what )(?<!anything )\b(?:that|which|to|and|would|could) (?:would |will |could |might )?"
            r"(?:goes|go|pairs?|match(?:es)?|wear|fits?|works?|suits?)"
            r"(?: (?:really |very )?(?:well|nicely))?(?: (?:with|to))?"
            r"(?: (?:it|this|that|them|these|those)(?: (?:one|ones|please))?"
            r"(?=\W*$|,| (?:under|below|for|in|at|up)\b)| ?§|"
            r" the (?:first|second|third|fourth|fifth|last)\b|\W*$)"
        ),
        (
            r"^(?:(?:and|also|now|do you have|have you got) )*(?:an?|some|the|my)? ?[a-z-]+ matching\W*$|"
            r"^(?:(?:and|now|also|ok(?:ay)?|please|then|show me|find me|i need|i want|i'?d like|do you have|"
            r"have you got|give me|is there|are there|any) )*(?:an?|some|the|any)? ?matching "
            r"(?!sets?\b|pairs?\b)[a-z-]+(?: [a-z-]+)?"
            r"(?: (?:for|with|to) (?:it|this|that|them|these|those|§))?"
            r"\W*(?:please)?\W*$"
        ),
        (
            r"\b(?:something|anything|things?|pieces?|items) (?:that (?:goes?|matche?s?|fits?) |to "
            r"(?:go|wear|match|pair) |matching |for )?(?:with |to match )(?:it|this|that|the (?:first|"
            r"second|third|last|fourth))\b"
        ),
    ),
)
SIMILAR = Rule(
    Act.SIMILAR,
    "",
    any_of(
        (
            r"(?<!n't )(?<!not )(?<!\bi )(?<!you )(?<!would )"
            r"\b(?:like|similar to|resembling|in the style of|same style as|more of)\b(?= ?§| (?:the|"
            r"this|that|it|these|number|item|#))"
        ),
        (
            r"^(?:show (?:me )?)?(?:something |anything |more |others? )?similar(?: (?:ones|items|"
            r"things|products))?(?: please)?\W*$"
        ),
        r"\b(?:anything|something|others?|more|ones?) similar(?=\W*$|,| (?:but|in|for|under|with)\b)",
    ),
)
MORE = Rule(
    Act.MORE,
    "",
    any_of(
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
)
