"""Greetings, thanks, yes and no, small talk, abuse, injections, and starting over."""

from __future__ import annotations

from bowerbird.assist.understand.act_patterns import Act, Rule, any_of

GREETING = any_of(
    (
        r"^(?:hi+|hello+|hey+|good (?:morning|afternoon|evening|day)|greetings|howdy|hiya)(?: (?:there|"
        r"bowerbird|everyone|again))?\W*$"
    ),
)
THANKS = any_of(
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
GOODBYE = any_of(
    (
        r"^(?:ok |okay |thanks,? |no,? )*(?:bye+|goodbye|see you|good night|farewell|ciao)(?: (?:bye|then|"
        r"later|now))*\W*$"
    ),
)
AFFIRM = any_of(
    (
        r"^(?:yes|yeah|yep|yup|sure|ok|okay|of course|please do|yes please|absolutely|definitely|go "
        r"ahead)\W*$"
    ),
)
DENY = any_of(
    r"^(?:no|nope|nah|no,? thanks?|no,? thank you|not really|never ?mind|neither)\W*$",
)
INJECTION = Rule(
    Act.INJECTION,
    "",
    any_of(
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
)
RESET = Rule(
    Act.RESET,
    "",
    any_of(
        (
            r"\b(?:start over|start again|start from scratch|new search|new topic|clear (?:the "
            r")?(?:chat|conversation|filters|everything)|reset)\b"
        ),
        (
            r"^(?:ok |okay |no |please )*(?:(?:forget|scrap|ignore) )"
            r"(?:about )?(?:it|that|everything|all)(?: of (?:it|that)| (?:it|that|this)| (?:that )?"
            r"(?:i|we) (?:just )?said)?\W*$"
        ),
    ),
)
ABUSE = Rule(
    Act.ABUSE,
    "",
    any_of(
        (
            r"\b(?:fuck(?:ing|ed)?|shit(?:ty)?|stupid (?:bot|machine|thing|assistant)|you(?:'re| are) "
            r"(?:an? )?(?:idiot|stupid|useless|dumb|moron|terrible|awful|rubbish|garbage)|idiot|"
            r"you(?:'re| are) not (?:listening|understanding|helping|helpful)|"
            r"you (?:don't|do not|didn't) (?:listen|understand|get it)|"
            r"(?:that's|that is|this is) not what i (?:asked|said)|"
            r"asshole|bitch|moron|shut up|screw you|you suck|go to hell)\b"
        ),
    ),
)
OFF_TOPIC = Rule(
    Act.UNCLEAR,
    "off_topic",
    any_of(
        r"^(?:please )?(?:write|sing|translate|calculate|compute|code|program|draw)\b",
        r"^(?:who|when|where) (?:is|was|are|were) (?!(?:it|this|that|my|the (?:first|second|third))\b)",
        r"\bwhat(?:'s| is) the (?:capital|meaning of life|time|date|population|president)\b",
        r"^(?:what(?:'s| is) )?\d+ ?[+*/-] ?\d+\W*$|^what(?:'s| is) \d+ ?(?:x|times|plus|minus) ?\d+\W*$",
    ),
)
HOW_ARE_YOU = Rule(
    Act.HOW_ARE_YOU,
    "",
    any_of(
        r"\bhow are you\b",
        r"\bhow(?:'s| is) it going\b",
        r"\bhow do you do\b",
        r"\bhow(?:'s| is) your day\b",
        r"^(?:what'?s up|sup)\W*$",
        r"\bnice to meet you\b",
    ),
)
_LEAD = r"^(?:hmm+,? |ok(?:ay)?,? |well,? |no,? |thanks,? |sorry,? )*"
HESITATION = Rule(
    Act.HOW_ARE_YOU,
    "take_time",
    any_of(
        rf"{_LEAD}(?:let me|i(?:'ll| will| need to| have to| want to|'d like to)) (?:have a |take a )?think"
        r"(?: (?:about|on) (?:it|that|this))?(?: (?:first|for a (?:bit|moment)|over))*\W*$",
        rf"{_LEAD}(?:i'?m |i am )?(?:not sure(?: yet)?|undecided|maybe later|(?:a|one) moment|hold on|"
        r"wait(?: a (?:sec|second|moment|minute))?|i'll (?:be back|come back later|sleep on it)|"
        r"i (?:can't|cannot) decide)\W*$",
    ),
)
SMALL_TALK = Rule(
    Act.HOW_ARE_YOU,
    "small_talk",
    any_of(
        r"\btell me (?:a joke|something funny)\b|\b(?:entertain|amuse) me\b|\bmake me (?:laugh|smile)\b",
        r"\bhow(?:'s| is) the weather\b",
        r"\bdo you love me\b|\bi love you\b|\bmarry me\b",
        r"^(?:lol|haha\w*|hehe)\W*$",
    ),
)
