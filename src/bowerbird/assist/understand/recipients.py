"""For whom something is, and numbers written as words: small readings of a cleaned English message."""

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
_RECIPIENT = re.compile(
    rf"\b(?:for|to give to|to give|gift to|present to) (?P<who>(?:(?:my|a|an|the|our|his|her|"
    rf"their) )?(?:[a-z]+ )?(?:(?:little|older|younger|elderly|best|good|new|\d{{1,2}}"
    rf"(?: |-)years?(?: |-)old|\d{{1,2}}yo) )*(?:{_RECIPIENTS})(?:'s birthday)?|"
    r"(?:her|him|them)(?= |$|[.,!?]))"
)
_WANTER = re.compile(
    rf"\b(?P<who>(?:my|our) (?:[a-z]+ )?(?:{_RECIPIENTS}))(?:'s (?:birthday|wedding|anniversary|"
    r"graduation)\b|"
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
_UNITS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_WORD = "|".join((*_TENS, *_UNITS, "hundred", "thousand"))
_MULTIPLE = re.compile(r"\b(\d{1,3}) (hundred|thousand)\b")
_NUMBER = re.compile(rf"\b(?:a )?(?:{_WORD})(?:(?: and | |-)(?:{_WORD}))*\b")


def take_recipient(text: str) -> tuple[str, bool, str]:
    """Whom a message wants something for, whether it is a gift, and the text without those words.

    >>> take_recipient("something for my sister who loves gardening")
    ('my sister', True, 'something § gardening')
    """
    match = _RECIPIENT.search(text) or _WANTER.search(text) or _BUYS_FOR.search(text)
    is_gift = _GIFT.search(text) is not None
    if match is None:
        return "", is_gift, text
    who = match["who"]
    is_individual = not re.fullmatch(
        r"(?:the )?(?:men|women|man|woman|boys?|girls?|kids?|children|baby|guests?)", who
    )
    if not is_individual and not is_gift:
        return "", False, text  # "shirts for men": a department, and no gift
    rest = text[: match.start()] + GAP.strip() + " " + text[match.end() :]
    return who, True, " ".join(_TASTE_OF.sub(" ", rest).split())


def digits_for_words(text: str) -> str:
    """Numbers of ten and more written as words, in digits; smaller ones may be ordinals and stay.

    >>> digits_for_words("under sixty five, two of a hundred and twenty, up to 2 hundred")
    'under 65, two of 120, up to 200'
    """
    text = _MULTIPLE.sub(lambda match: str(int(match[1]) * (100 if match[2] == "hundred" else 1000)), text)

    def digits(match: re.Match[str]) -> str:
        words = [word for word in re.split(r"[ -]", match.group()) if word not in ("and", "a")]
        total = part = 0
        for word in words:
            if word == "hundred":
                part = max(1, part) * 100
            elif word == "thousand":
                total, part = total + max(1, part) * 1000, 0
            else:
                part += _TENS.get(word, _UNITS.get(word, 0))
        value = total + part
        return str(value) if value >= 10 else match.group()

    return _NUMBER.sub(digits, text)
