"""Words of requests that edit a picture or an item, whatever the catalogue."""

from __future__ import annotations

from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.words import word_set

NEGATORS = word_set(
    "no not non without none never less lacks lacking minus remove drop too isn't doesn't don't free"
)
KEEPS_NEGATION = word_set(
    "a an the any so as very much have has with of be that is in quite overly and more like"
)
DIFFERENT = word_set("different another other")
SAME = word_set("same similar identical")
DETERMINERS = word_set("the this that these those its it's it")
FACETS = {
    "colour": "colour",
    "shade": "colour",
    "hue": "colour",
    "pattern": "pattern",
    "print": "pattern",
    "design": "pattern",
    "graphic": "pattern",
    "image": "pattern",
    "material": "material",
    "fabric": "material",
    "brand": "brand",
    "style": "style",
    "type": "type",
}
FILLER = EMPTY_WORDS | word_set(
    """
    colour coloured colouring shade tone toned tint hue length fit style styled look looks looking item
    product desired picture version overall slightly bit little lot much many several different same similar
    only both all completely entirely mostly rather instead kind type piece garment way comes come features
    feature featured having being there their where while they s t d m re ve one ones two three four on it's
    its i add added keep without change changed make please prefer want wanted need but now then also just has
    have than seem seems appear appears still again better through across along down up off side
    """
)
PART_MARKERS = word_set("with has have having featuring features and's")
"""What follows is a part of the item: "with a belt" does not ask for a belt as the item."""
SAME_PART = tuple(
    word_set(group)
    for group in (
        "text lettering letter writing written wording word slogan",
        "lace lacy",
        "frill frilly ruffle ruffled frilled flounce flounced",
        "floral flower flowery flowered",
        "sheer transparent",
        "strap strappy",
        "animal leopard cheetah zebra tiger snakeskin",
        "check checked checkered plaid gingham tartan",
        "graphic motif logo emblem image picture",
        "belt belted",
    )
)
"""Stems that name the same part of an item."""
DEGREE_WORDS = [[word] for word in ("more", "less", "too", "very", "much", "so", "most", "extra")]
CHEAPER = word_set("cheaper inexpensive affordable")
MORE_EXPENSIVE = word_set("dearer pricier costlier")
