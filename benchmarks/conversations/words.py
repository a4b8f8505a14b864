"""Nouns and adjectives of five languages, inflected, for the wording of generated conversations.

Written for the benchmark alone; the product's language files are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "es", "de", "fr", "it")
_FOLDER = Path(__file__).parent / "phrases"


@dataclass(frozen=True)
class Noun:
    """A kind of thing in one language."""

    singular: str
    plural: str
    gender: str = "f"
    """m, f or n."""
    is_plural_only: bool = False


def _lines(name: str) -> list[str]:
    """Rows of a table: English, then the forms in each language."""
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").strip().splitlines()


def _nouns() -> dict[str, dict[str, Noun]]:
    table: dict[str, dict[str, Noun]] = {code: {} for code in LANGUAGES}
    for line in _lines("nouns"):
        key, *columns = (cell.strip() for cell in line.split("|"))
        for code, column in zip(LANGUAGES, columns, strict=False):
            forms = column.split()
            if not forms:
                continue
            if key == "vest top":
                table[code][key] = Noun("vest top", "vest tops")
            else:
                mark = forms[2] if len(forms) > 2 else "f"
                table[code][key] = Noun(forms[0], forms[1], mark.replace("-", "f"), mark == "-")
    return table


def _adjectives(name: str) -> dict[str, dict[str, tuple[str, str]]]:
    table: dict[str, dict[str, tuple[str, str]]] = {code: {} for code in LANGUAGES}
    for line in _lines(name):
        key, *columns = (cell.strip() for cell in line.split("|"))
        table["en"][key] = (key, key)
        for code, column in zip(LANGUAGES[1:], columns, strict=True):
            forms = column.split()
            if forms != ["-"]:
                table[code][key] = (forms[0], forms[-1])
    return table


NOUNS = _nouns()
COLOURS = _adjectives("colours")
MATERIALS = _adjectives("materials")
_GERMAN_ENDING = {"m": "en", "f": "e", "n": "es"}


def coloured(colour: str, noun: Noun, language: str) -> str:
    """A noun phrase without its article: "green lamp", "lámpara verde", "grüne Lampe"."""
    masculine, feminine = COLOURS[language][colour]
    form = feminine if noun.gender == "f" else masculine
    if language == "de":
        return f"{form}{_GERMAN_ENDING[noun.gender]} {noun.singular}"
    return f"{form} {noun.singular}" if language == "en" else f"{noun.singular} {form}"


def article(noun: Noun, language: str, following: str) -> str:
    """The indefinite article of a noun, by its gender and by the word that follows."""
    if language == "en":
        if noun.is_plural_only:
            return "some"
        return "an" if following[0] in "aeiou" else "a"
    return {
        "es": {"m": "un", "f": "una"},
        "de": {"m": "einen", "f": "eine", "n": "ein"},
        "fr": {"m": "un", "f": "une"},
        "it": {"m": "uno" if following.startswith(("sp", "st", "z")) else "un", "f": "una"},
    }[language][noun.gender]


_SHADES = {
    "dark": "oscuro oscura oscuros oscuras foncé foncée scuro scura",
    "light": "claro clara claros claras clair claire chiaro chiara",
}


def _shade_to_english(words: str) -> str | None:
    """A shade of a colour in English: "azul oscuro" is dark blue."""
    colour, _, shade = words.rpartition(" ")
    for prefix, german in (("dark", "dunkel"), ("light", "hell")):
        if shade in _SHADES[prefix].split() and colour in _english_words():
            return f"{prefix} {_english_words()[colour]}"
        if words.startswith(german) and words.removeprefix(german) in _english_words():
            return f"{prefix} {_english_words()[words.removeprefix(german)]}"
    return None


@cache
def _english_words() -> dict[str, str]:
    english = {}
    for code in LANGUAGES:
        for key, noun in NOUNS[code].items():
            english[noun.singular.lower()] = english[noun.plural.lower()] = key
        for table in (COLOURS, MATERIALS):
            for key, forms in table[code].items():
                english |= dict.fromkeys((form.lower() for form in forms), key)
    values = {"türkis": "teal", "turquesa": "teal", "turquoise": "teal", "turchese": "teal", "petrol": "teal"}
    attributes = {
        "striped": "rayas rayado rayada de_rayas a_rayas gestreift rayé à_rayures a_righe",
        "checked": "cuadros a_cuadros de_cuadros kariert à_carreaux a_quadri",
        "floral": "flores floreado de_flores geblümt fleuri à_fleurs a_fiori floreale",
        "dotted": "lunares de_lunares gepunktet à_pois a_pois",
        "geometric": "geométrico geometrisch géométrique geometrico",
        "pink": "rosa rose",
        "purple": "lila violeta violett morado violet viola",
        "beige": "beis beige",
        "denim": "vaquero denim jeans jean tela_vaquera jeansstoff",
        "teal": "petrol verde_azulado",
        "scandinavian": "escandinavo nórdico skandinavisch scandinave scandinavo",
        "industrial": "industriell industriel industriale",
        "bohemian": "bohemio boho bohemian bohème bohémien",
        "light blue": "azzurro azzurra celeste",
        "gold": "dorado dorada oro gold golden doré dorée dorato dorata",
        "silver": "plateado plateada plata silber silbern argenté argentée argento argentato argentata",
        "coastal": "costero maritim marin costiero bord_de_mer marinero marinaro",
        "art deco": "art_déco art_decó",
        "baroque": "barroco barock barocco",
        "mid-century": "años_cincuenta",
        "plain": "liso tinta_unita uni einfarbig",
        "herringbone": "espiga fischgrat chevrons spina_di_pesce espiguilla fischgrät "
        "à_chevrons a_spina_di_pesce",
    }
    for key, forms in attributes.items():
        values |= {form.replace("_", " "): key for form in forms.split()}
    return {**values, **english}


def to_english(words: str) -> str | None:
    """A value in another language, lower case, in English; None where the tables lack it.

    >>> to_english("azul oscuro"), to_english("roble"), to_english("xyz")
    ('dark blue', 'oak', None)
    """
    return _english_words().get(words) or _shade_to_english(words)
