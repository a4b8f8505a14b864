"""The same request in five languages is the same request; every language says everything."""

import string
from dataclasses import replace

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.languages import CODES, detect_language, load_language
from bowerbird.assist.state import DialogueState
from bowerbird.assist.understand.act_patterns import Act

SAME = (
    {
        "en": "a green lamp under 60",
        "es": "una lámpara verde por menos de 60",
        "de": "eine grüne Lampe unter 60",
        "fr": "une lampe verte à moins de 60",
        "it": "una lampada verde sotto i 60",
    },
    {
        "en": "I'm looking for a red sofa between 20 and 40 euros",
        "es": "busco un sofá rojo entre 20 y 40 euros",
        "de": "ich suche ein rotes Sofa zwischen 20 und 40 Euro",
        "fr": "je cherche un canapé rouge entre 20 et 40 euros",
        "it": "cerco un divano rosso tra 20 e 40 euro",
    },
    {
        "en": "a blue wool rug up to 80",
        "es": "una alfombra azul de lana hasta 80",
        "de": "ein blauer Teppich aus Wolle bis 80",
        "fr": "un tapis bleu en laine jusqu'à 80",
        "it": "un tappeto blu di lana fino a 80",
    },
    {
        "en": "do you have striped shirts under fifty?",
        "es": "¿tienen camisas de rayas por menos de cincuenta?",
        "de": "habt ihr gestreifte Hemden unter fünfzig?",
        "fr": "avez-vous des chemises à rayures à moins de cinquante ?",
        "it": "avete camicie a righe sotto i cinquanta?",
    },
)
FIXED = {
    "greeting": {"es": "hola", "de": "hallo", "fr": "bonjour", "it": "buongiorno"},
    "thanks": {"es": "gracias", "de": "danke", "fr": "merci", "it": "grazie"},
    "compare": {
        "es": "compara los dos primeros",
        "de": "vergleiche die ersten beiden",
        "fr": "compare les deux premiers",
        "it": "confronta i primi due",
    },
    "about_shop": {
        "es": "¿qué venden?",
        "de": "was verkauft ihr?",
        "fr": "que vendez-vous ?",
        "it": "cosa vendete?",
    },
}


@pytest.mark.parametrize("code", [code for code in CODES if code != "en"])
@pytest.mark.parametrize("request_by_language", SAME, ids=[same["en"] for same in SAME])
def test_the_same_request_in_every_language(
    request_by_language: dict[str, str], code: str, assistant: Assistant
) -> None:
    english = assistant.reply(DialogueState(), request_by_language["en"])
    other = assistant.reply(DialogueState(), request_by_language[code])
    assert english.request.facets and english.request.price.bounded
    assert other.state.language == code
    assert other.request.facets == english.request.facets
    assert other.request.price == english.request.price
    assert [item.item_id for item in other.items] == [item.item_id for item in english.items]
    assert other.text.splitlines()[0] != english.text.splitlines()[0], "it answers in that language"


@pytest.mark.parametrize(("act", "code"), [(act, code) for act, texts in FIXED.items() for code in texts])
def test_acts_in_every_language(act: str, code: str, assistant: Assistant) -> None:
    before = assistant.reply(DialogueState(), SAME[0][code]).state
    reply = assistant.reply(before, FIXED[act][code])
    assert reply.act == act and reply.state.language == code


@pytest.mark.parametrize("code", CODES)
def test_a_short_follow_up_stays_in_the_language(code: str, assistant: Assistant) -> None:
    before = assistant.reply(DialogueState(), SAME[0][code]).state
    assert assistant.reply(before, "60").state.language == code


def placeholders(wording: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(wording) if name}


@pytest.mark.parametrize("code", [code for code in CODES if code != "en"])
def test_every_language_says_everything_with_the_same_placeholders(code: str) -> None:
    english, other = load_language("en").replies, load_language(code).replies
    assert set(english) <= set(other)
    assert all(key.startswith("facet_") for key in set(other) - set(english)), "English facets need no name"
    for key, wordings in other.items():
        allowed = {name for wording in english.get(key, ()) for name in placeholders(wording)}
        assert all(placeholders(wording) <= allowed for wording in wordings), key


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a lamp for my mother", "en"),
        ("algo para mi hermana", "es"),
        ("etwas für meine Schwester", "de"),
        ("quelque chose pour ma sœur", "fr"),
        ("qualcosa per mia sorella", "it"),
    ],
)
def test_languages_are_distinguished(text: str, code: str) -> None:
    assert detect_language(text.lower()) == code


def test_another_script_is_not_guessed_at(assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), "зелёная лампа")
    assert reply.act == "unclear" and not reply.shown


@pytest.mark.parametrize(
    ("gift", "message"),
    [
        ("ein geschenk für meine mutter", "sie mag blumen"),
        ("un cadeau", "elle aime les fleurs"),
        ("un regalo para mi madre", "le gustan las flores"),
        ("un regalo per mia madre", "le piacciono i fiori"),
    ],
)
def test_what_somebody_likes_is_no_unknown_kind(gift: str, message: str, assistant: Assistant) -> None:
    assert assistant.reply(assistant.reply(DialogueState(), gift).state, message).items


@pytest.mark.parametrize(
    ("message", "language"),
    [("lequel me conseillez-vous ?", "fr"), ("cuál me recomiendas", "es"), ("welchen empfiehlst du?", "de")],
)
def test_which_to_choose_is_asked(message: str, language: str, assistant: Assistant) -> None:
    state = replace(assistant.reply(DialogueState(), "rugs").state, language=language)
    assert assistant.reply(state, message).act == Act.WHY


@pytest.mark.parametrize("message", ["with a gold frame", "round?", "not too big"])
def test_a_quality_nobody_lists_stays_with_its_kind(message: str, assistant: Assistant) -> None:
    state = assistant.reply(DialogueState(), "rugs").state
    items = assistant.reply(state, message).items
    assert {assistant.parts.vocabulary.values_of(item.position, "type")[0] for item in items} == {"Rug"}


@pytest.mark.parametrize(
    ("text", "previous", "expected"),
    [
        ("non avete biciclette?", "fr", "it"),
        ("un sofa beige", "en", "en"),
        ("un vase bleu", "es", "fr"),
    ],
)
def test_a_language_changes_when_most_words_speak_for_it(text: str, previous: str, expected: str) -> None:
    assert detect_language(text, previous) == expected
