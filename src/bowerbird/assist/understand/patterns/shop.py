"""How people ask about the shop, about what it knows of them, and about the assistant."""

from __future__ import annotations

import re

from bowerbird.assist.understand.act_patterns import Act, Rule, any_of

POLICIES: tuple[tuple[str, str], ...] = (
    (
        "shipping",
        r"ship(?:s|ping|ped|ment)?|deliver(?:y|s|ed|ies)?|postage|courier|dispatch|express|"
        r"track my|"
        r"(?:it|they|that|this|order|parcel)(?: would| will)? (?:arrives?|gets? here)|"
        r"take to (?:arrive|get here)",
    ),
    ("returns", r"returns?|refunds?|exchanges?|send (?:it|them|something) back|money back|cancel"),
    ("payment", r"pay(?:ment|ments|ing)?|credit cards?|paypal|klarna|invoice|instal+ments?|apple pay"),
    ("warranty", r"warrant(?:y|ies)|guarantees?"),
    ("sizes", r"size (?:guide|chart)|sizing|how do (?:your )?sizes"),
    ("contact", r"contact|phone number|email|customer service|real person"),
    (
        "stores",
        r"opening hours|store (?:hours|near|in)|shops? in|physical (?:store|shop)|"
        r"where are you (?:located|based)|parking|car park|wi-?fi|fitting rooms?|toilets?|pick ?up|"
        r"collect (?:it|them)",
    ),
    (
        "gift cards",
        r"gift[- ]?(?:cards?|vouchers?|certificates?)",
    ),
    (
        "gift wrapping",
        r"gift[- ]?(?:wrap(?:ped|ping)?)|(?:wrap|giftwrap) (?:it|this|that|them)",
    ),
    (
        "discounts",
        r"price[- ]?match(?:ing|es)?|match (?:the |other |their )?prices?|"
        r"discount codes?|coupons?|promo(?:tion)? codes?|student discount|loyalty|newsletter",
    ),
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
NO_GOODS = frozenset(("contact", "stores", "discounts", "sizes", "warranty", "privacy", "gift cards"))
"""Policies whose words name nothing that is sold: "do you have a store in Paris" asks for no goods."""
POLICY_QUESTION = any_of(
    r"\b(?:do|does|can|could|how|what|when|where|is|are|will|who)\b",
    r"\?",
    r"^(?:shipping|delivery|returns?|refunds?|payment|warranty|contact)\b",
    r"\bpolic(?:y|ies)\b|\bgift[- ]?(?:cards?|vouchers?)\b",
)
ORDERS = Rule(
    Act.ABOUT_SHOP,
    "orders",
    any_of(
        r"\bmy (?:last |previous |recent )?(?:orders?|parcel|package|purchase)\b(?!'s)",
        r"\b(?:arrived|came|delivered|received) (?:\w+ )?(?:broken|damaged|defective|faulty|late)\b",
        r"\b(?:never|not|hasn't|didn't) (?:yet )?(?:arrived?|been delivered|received)\b",
    ),
)
"""What was bought and is on its way, or has come broken: the assistant sees no orders."""
CONTACT = Rule(
    Act.ABOUT_SHOP,
    "contact",
    any_of(
        r"\b(?:talk|speak|chat)(?:ing)? (?:to|with) (?:an? |the |your |some )?(?:real |actual )?"
        r"(?:human|person|someone|somebody|manager|agent|representative|supervisor|boss|employee|staff)\b",
        r"\b(?:make|file|lodge) a complaint\b|^(?:i (?:want|need|would like) to )?complain\b",
    ),
)
DELETE_ME = Rule(
    Act.ABOUT_ME,
    "delete",
    any_of(
        r"\b(?:forget|delete|erase|remove) (?:me|my (?:data|history|account|profile|taste))\b",
    ),
)
MY_TASTE = Rule(
    Act.ABOUT_ME,
    "taste",
    any_of(
        r"\bwhat (?:do|did) you (?:know|think|remember|store) (?:about|of) me\b",
        (
            r"\b(?:what(?:'s| is)|show(?: me)?|describe|tell me about) my (?:taste|style|profile|"
            r"preferences|interests)\b"
        ),
        (
            r"\bwhat (?:(?:kinds?|sorts?) of (?:things?|stuff|items?|products?) )?(?:do|would) i "
            r"(?:(?:usually|normally|often|mostly) )?(?:like|love|prefer|choose|pick|go for)\b"
        ),
        r"\b(?:my|change my) (?:taste|preferences) (?:profile|graph|settings)\b",
        r"\bwhy do you think i (?:like|love)\b",
        r"\bchange my (?:taste|preferences)\b",
    ),
)
NEED_SO_FAR = Rule(
    Act.ABOUT_ME,
    "request",
    any_of(
        r"\bwhat (?:did|have|had) (?:i|we) (?:(?:just|already) )?(?:ask(?:ed)?|said|say|tell|told|"
        r"want(?:ed)?|look(?:ed)?|search(?:ed)?|request(?:ed)?)(?: you| for)*"
        r"(?: (?:so far|before|earlier|again|until now))*\W*$",
        r"\bwhat (?:am|was|are|were) (?:i|we|you) (?:looking|searching|hunting|after)(?: for)?"
        r"(?: (?:so far|again|right now|now))*\W*$",
        r"^(?:please |can you |could you )*(?:recap|summari[sz]e)(?: (?:it|that|this|my (?:request|wishes)|"
        r"what i (?:asked|said|want)(?: for)?|so far|please|again|for me))*\W*$",
        r"\bwhich filters\b|\bwhat filters (?:are|do i)\b",
        r"\bwhat (?:did|have) (?:we|i) (?:settled?|decided?|agreed?|end(?:ed)? up)(?: (?:on|for|with))?\W*$",
        r"\bwhat(?:'s| is| was) (?:left of )?my (?:budget|limit|price range)\b",
    ),
)
SAVED = Rule(
    Act.ABOUT_ME,
    "saved",
    any_of(
        r"\bwhat (?:have|did|had) i (?:saved?|bookmark(?:ed)?|favou?rited?|put on my list)\b",
        (
            r"\b(?:show(?: me)?|see|open|list|what(?:'s| is) (?:on|in)) my (?:boards?|wish ?list|favou?rites|"
            r"saved(?: items| things)?|collection|bookmarks)\b"
        ),
    ),
)
RANGE = Rule(
    Act.ABOUT_SHOP,
    "range",
    any_of(
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
)
POPULAR = Rule(
    Act.ABOUT_SHOP,
    "popular",
    any_of(
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
        r"^(?!.*\b(?:is|are) (?:it|this|that|the|these|they)\b).*"
        r"\b(?:most popular|trending|best[ -]?sell(?:ers?|ing)|top[ -]sell(?:ers?|ing))\b",
    ),
)
NEW = Rule(
    Act.ABOUT_SHOP,
    "new",
    any_of(
        r"\b(?:what(?:'s| is)|anything|something|show me what(?:'s| is)) new\b",
        r"\bnew (?:arrivals|in stock|products|items)\b",
        r"\b(?:your|the) (?:latest|newest)\b|^(?:latest|newest)\b",
    ),
)
SALE = Rule(
    Act.ABOUT_SHOP,
    "sale",
    any_of(
        (
            r"\b(?:what(?:'s| is)|anything|something|items|show me what(?:'s| is)|which items are) "
            r"(?:on sale|reduced|discounted|on offer)\b"
        ),
        r"^(?:sale|sales|offers|deals)\W*$",
        r"^(?!.*\b(?:is|are|was|were|when|why|will|isn't|aren't) "
        r"(?:it|this|that|the|these|they|number|item)\b)"
        r".*\b(?:on sale|on offer|in the sale|reduced|discounted)\b",
        r"\b(?:any|there|have|got) (?:any )?(?:sales|offers|deals|discounts|promotions|reductions)\b",
    ),
)
COUNT = Rule(
    Act.ABOUT_SHOP,
    "count",
    any_of(
        r"^(?:and |so |ok )*how many\b.{0,60}\b(?:(?:do|have) (?:you|u)\b|are (?:there|left)|can i choose|"
        r"is there)",
    ),
)
ABOUT_ASSISTANT = Rule(
    Act.ABOUT_ASSISTANT,
    "",
    any_of(
        r"\b(?:who|what) are you\b|\bwho am i (?:talking|speaking|chatting|writing)\b",
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
)
FACET_VALUES = Rule(
    Act.ABOUT_SHOP,
    "facet",
    any_of(
        (
            r"^(?:and |so )*(?:what|which) (?:colou?rs?|materials?|styles?|patterns?|brands?|sizes?|"
            r"types?|kinds?|genres?)(?: \w+){0,2} (?:do|are|have|can) (?:you|there|i)\b"
        ),
        r"^(?:what|which) (?:colou?rs|materials|styles|patterns|brands|sizes|genres)\W*$",
        (
            r"^(?:and |so |in )*(?:what|which) (?:colou?rs?|materials?|styles?|patterns?|brands?|sizes?) "
            r"(?:do|does|are|have) (?:(?:you|your|the|these|those|all) ){1,2}(?:\w+ ){1,3}"
            r"(?:come|have|available|sold|exist|made)\b|"
            r"^(?:and |so |in )*(?:what|which) (?:colou?rs?|materials?|styles?|patterns?|brands?|sizes?) "
            r"do you (?:have|sell) \w+\W*$"
        ),
    ),
)
