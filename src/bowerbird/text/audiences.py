"""Whom an item is for (women, men, girls, boys, children, babies), and how that is said.

Feeds say it in many places: Google's `gender` and `age_group`, departments, sections, the top of the
category. The most particular place that speaks of anybody counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bowerbird.data.items import Item
from bowerbird.text.words import normalize_text

AUDIENCE = "audience"
"""The facet's name."""
FORMS: Mapping[str, tuple[str, ...]] = {
    "women": (
        "women",
        "women's",
        "womens",
        "woman's",
        "ladies",
        "lady's",
        "ladieswear",
        "womenswear",
        "female",
    ),
    "men": ("men", "men's", "mens", "man's", "menswear", "male", "gentlemen", "gents", "guy", "guys"),
    "girls": ("girl", "girls", "girl's"),
    "boys": ("boy", "boys", "boy's"),
    "children": (
        "child",
        "children",
        "children's",
        "childrens",
        "child's",
        "kid",
        "kids",
        "kid's",
        "kidswear",
    ),
    "babies": ("baby", "babies", "baby's", "infant", "infants", "newborn", "toddler", "toddlers"),
}
AUDIENCE_OF = {form: audience for audience, forms in FORMS.items() for form in forms}
"""The audience that a word names."""
_ATTRIBUTES = (AUDIENCE, "target group", "section", "department", "product line")
"""Attributes that may speak of an audience, the most particular first."""
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_YOUNG = frozenset(("kids", "toddler", "infant", "newborn"))
_MAX_BABY_AGE, _MAX_CHILD_AGE = 2, 14  # years
_AGE = re.compile(r"\b(\d{1,2})(?: |-)?(?:years?|yrs?|yo\b|y/o)")
_ADULTS: Mapping[str, tuple[str, ...]] = {
    "women": (
        *("wife", "girlfriend", "mother", "mum", "mom", "mommy", "grandmother", "grandma", "aunt", "woman"),
        *("fiancée", "women", "mother-in-law", "sister-in-law"),
    ),
    "men": (
        *("husband", "boyfriend", "father", "dad", "daddy", "grandfather", "grandpa", "uncle", "man", "men"),
        *("father-in-law", "brother-in-law"),
    ),
}
_YOUNG_OR_OLD: Mapping[str, tuple[str, ...]] = {
    "sister": ("women", "girls"),
    "daughter": ("women", "girls", "babies"),
    "niece": ("women", "girls", "babies"),
    "granddaughter": ("women", "girls", "babies"),
    "brother": ("men", "boys"),
    "son": ("men", "boys", "babies"),
    "nephew": ("men", "boys", "babies"),
    "grandson": ("men", "boys", "babies"),
    "girl": ("girls",),
    "boy": ("boys",),
    "child": ("children",),
    "children": ("children",),
    "kid": ("children",),
    "kids": ("children",),
    "baby": ("babies",),
    "toddler": ("babies",),
}
_RECIPIENTS = {
    **{word: (audience,) for audience, words in _ADULTS.items() for word in words},
    **_YOUNG_OR_OLD,
}


def audiences_of(item: Item) -> frozenset[str]:
    """The audiences that an item's listing names; empty where it names none."""
    attributes = {
        normalize_text(name, 60).replace("_", " "): value for name, value in item.attributes.items()
    }
    if "gender" in attributes or "age group" in attributes:
        stated = _of_gender(attributes.get("gender", "").lower(), attributes.get("age group", "").lower())
        if stated:
            return stated
    places = [attributes[name] for name in _ATTRIBUTES if name in attributes]
    for place in (*places, *reversed(item.category)):
        audiences = {AUDIENCE_OF[word] for word in _WORD.findall(place.lower()) if word in AUDIENCE_OF}
        if audiences:
            return _completed(audiences)
    return frozenset()


def _of_gender(gender: str, age_group: str) -> frozenset[str]:
    """Audiences by the values of Google's feed."""
    is_young = age_group in _YOUNG
    if is_young and age_group != "kids":
        return frozenset(("babies",))
    by_gender = {"female": ("girls" if is_young else "women",), "male": ("boys" if is_young else "men",)}
    of_all = ("girls", "boys") if is_young else ("women", "men")
    names = by_gender.get(gender, of_all if gender == "unisex" or is_young else ())
    return _completed(set(names))


def _completed(audiences: set[str]) -> frozenset[str]:
    """What is for girls is for children; what is for children of no gender is for girls and boys."""
    if audiences & {"girls", "boys"} and "babies" not in audiences:
        audiences = audiences | {"children"}
    elif "children" in audiences:
        audiences = audiences | {"girls", "boys"}
    if "babies" in audiences and audiences & {"girls", "boys"} and "children" not in audiences:
        audiences = {"babies"}
    return frozenset(audiences)


def audiences_of_recipient(recipient: str) -> frozenset[str]:
    """The audiences that a person may belong to; empty where the words don't tell.

    >>> sorted(audiences_of_recipient("my sister")), sorted(audiences_of_recipient("my 5 year old nephew"))
    (['girls', 'women'], ['boys', 'children'])
    """
    audiences = {
        audience
        for word in re.findall(r"[a-zé-]+", recipient.lower())
        for audience in _RECIPIENTS.get(word, ())
    }
    age = _AGE.search(recipient)
    if age is None:
        return frozenset(audiences)
    years = int(age[1])
    if years <= _MAX_BABY_AGE:
        return frozenset(("babies",))
    if years > _MAX_CHILD_AGE:
        return frozenset(audiences & {"women", "men"})
    gender = audiences & {"girls", "boys"}
    return frozenset((gender or {"girls", "boys"}) | {"children"})
