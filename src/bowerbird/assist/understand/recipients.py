"""For whom something is: read from a cleaned English message."""

from __future__ import annotations

import re

from bowerbird.assist.understand.prices import GAP

_RECIPIENTS = (
    "(?:mother|father|sister|brother|daughter|son|parents)-in-law|sisters?|brothers?|mother|mum|mom|mommy|"
    "father|dad|daddy|parents|wife|husband|girlfriend|boyfriend|"
    "fianc[eé]e?|partner|"
    "friends?|best friend|son|daughter|baby|toddler|kids?|child|children|nieces?|nephews?|grand(?:ma|"
    "mother|pa|father|parents|"
    "son|daughter)|aunt|uncle|cousins?|boss|colleagues?|coworkers?|teacher|neighbou?rs?|roommate|"
    "flatmate|in-laws|man|woman|"
    r"men|women|boys?|girls?|teenager|teen|host|hosts|guests?|\d{1,2}(?: |-)years?(?: |-)olds?"
)
_EVENTS = "wedding|graduation|ceremony|engagement|christening|baptism|baby shower"
_RECIPIENT = re.compile(
    rf"\b(?:for|to give to|to give|gift to|present to) (?P<who>(?:(?:my|a|an|the|our|his|her|"
    rf"their) )?(?:[a-z]+ )?(?:(?:little|older|younger|elderly|best|good|new|\d{{1,2}}"
    rf"(?: |-)years?(?: |-)old|\d{{1,2}}yo) )*(?:{_RECIPIENTS})\b"
    rf"(?!'s (?:{_EVENTS}))(?:'s birthday)?"
    r"(?:,? (?:of |aged |age |who is |who's |he's |she's )?\(?\d{1,2}(?: |-)?(?:years?|yrs?|yo\b)"
    r"(?:(?: |-)olds?)?\)?|,? aged? \d{1,2}\b)?|"
    r"(?:her|him|them)(?= |$|[.,!?]))"
)
_WANTER = re.compile(
    rf"\b(?:it'?s |it is )?(?P<who>(?:my|our) (?:[a-z]+ )?(?:{_RECIPIENTS}))(?:'s (?:birthday|wedding|"
    r"anniversary|graduation)\b(?: (?:is )?(?:soon|coming up|today|tomorrow|next week|this week))?|"
    r" (?:is (?:looking for|after)|really (?:wants|needs|likes|loves)|wants|needs|could use|"
    r"would (?:like|love)|asked for|turns \d+|has (?:a|her|his) birthday)\b)"
)
"""Whoever wants something, named before it: "my wife wants a hat", "it's my aunt's birthday"."""
_BUYS_FOR = re.compile(
    rf"\b(?:what|which|anything|something) (?:can|could|should|do|would|to) (?:i |we )?(?:get|buy|"
    rf"give|gift|find) (?P<who>(?:(?:my|our|a|the) )(?:[a-z]+ )?(?:{_RECIPIENTS}))\b"
)
_TASTE_OF = re.compile(
    r"\b(?:,? ?(?:who|she|he|they|that)(?:'s| is| are)? )(?:really |just |also )*(?:loves?|likes?|"
    r"enjoys?|adores?|is into|are into|into|"
    r"is (?:a )?(?:big )?fan of|collects?|prefers?|wants?|needs?)\b"
)
_GIFT = re.compile(
    r"\b(?:gifts?|presents?|birthday|christmas|anniversary|wedding present|house ?warming|valentine'?s?)\b"
)


_AS_GUEST = re.compile(
    rf"\bfor (?:my|our|a|the) (?:[a-z]+ )?(?:{_RECIPIENTS})'s (?:{_EVENTS})\b|"
    rf"'s (?:{_EVENTS})\b.*\b(?:wear|outfit|attend|guest|invited|clothes)\b|"
    rf"\b(?:wear|outfit|attend|guest|invited|clothes)\b.*'s (?:{_EVENTS})\b"
)
"""What somebody needs for another's day: "nothing to wear to my sister's wedding" is no gift for her."""


_SELF = re.compile(
    r"\b(?:i am|i'm|im|as) an? (?:(?:older|young|tall|short|petite|small|big|grown|plus[- ]size) )*"
    r"(?:(?P<women>woman|lady|female)|man|guy|male)\b"
)


def with_own_audience(text: str) -> str:
    """A message with what users say of themselves as whom the items are for.

    >>> with_own_audience("shirts, i'm a tall man"), with_own_audience("i'm a woman")
    ('shirts, for men', 'for women')
    """
    return _SELF.sub(lambda match: "for women" if match["women"] else "for men", text)


def take_recipient(text: str) -> tuple[str, bool, str]:
    """Whom a message wants something for, whether it is a gift, and the text without those words.

    >>> take_recipient("something for my sister who loves gardening")
    ('my sister', True, 'something § gardening')
    """
    match = _RECIPIENT.search(text) or _WANTER.search(text) or _BUYS_FOR.search(text)
    is_gift = _GIFT.search(text) is not None
    if match and not is_gift and _AS_GUEST.search(text):
        return "", False, text
    if match is None:
        return "", is_gift, text
    recipient = match["who"]
    is_individual = not re.fullmatch(
        r"(?:the )?(?:men|women|man|woman|boys?|girls?|kids?|children|baby|guests?)", recipient
    )
    if not is_individual and not is_gift:
        return "", False, text  # "shirts for men": a department, and no gift
    rest = text[: match.start()] + GAP.strip() + " " + text[match.end() :]
    return recipient, True, " ".join(_TASTE_OF.sub(" ", rest).split())
