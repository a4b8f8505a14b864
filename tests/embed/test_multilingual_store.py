"""A French grocery: its language chooses the text encoder, and it is searched and answered in French."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.state import DialogueState
from bowerbird.cli.main import app
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.search.searcher import Searcher
from bowerbird.embed.training import train_embedding
from bowerbird.embed.training_inputs import choose_text_backbone
from bowerbird.errors import BackboneError
from bowerbird.models import fetch

pytestmark = pytest.mark.slow

PRODUCTS = (
    ("Confiture de fraises", "Des fraises cuites au chaudron, avec peu de sucre.", "Petit déjeuner", 3.9),
    ("Confiture d'abricots", "Des abricots mûrs et du sucre de canne.", "Petit déjeuner", 4.2),
    ("Miel de lavande", "Un miel récolté dans les champs de Provence.", "Petit déjeuner", 7.5),
    ("Café moulu", "Un café doux pour la cafetière, torréfié à la main.", "Boissons", 5.6),
    ("Thé vert à la menthe", "Des feuilles de thé et de la menthe fraîche.", "Boissons", 4.8),
    ("Jus de pomme", "Le jus de pommes pressées, sans sucre ajouté.", "Boissons", 2.7),
    ("Limonade au citron", "Une boisson pétillante au jus de citron.", "Boissons", 2.2),
    ("Camembert", "Un fromage au lait cru de Normandie, affiné trois semaines.", "Crèmerie", 4.5),
    ("Comté", "Un fromage à pâte dure, affiné douze mois dans le Jura.", "Crèmerie", 8.9),
    ("Beurre demi-sel", "Du beurre de baratte avec du sel de Guérande.", "Crèmerie", 3.1),
    ("Yaourt nature", "Quatre pots de yaourt au lait entier.", "Crèmerie", 1.9),
    ("Pâtes fusilli", "Des pâtes de blé dur pour une salade ou un gratin.", "Épicerie", 1.6),
    ("Riz basmati", "Un riz long et parfumé, en sachet d'un kilo.", "Épicerie", 3.4),
    ("Lentilles vertes", "Les lentilles du Puy, à cuire vingt minutes.", "Épicerie", 3.2),
    ("Huile d'olive", "Une huile vierge extra, pressée à froid.", "Épicerie", 9.8),
    ("Sardines à l'huile", "Des sardines de Bretagne dans une boîte.", "Conserves", 2.9),
    ("Thon au naturel", "Du thon en boîte, pêché à la ligne.", "Conserves", 3.3),
    ("Chocolat noir", "Une tablette à 70 % de cacao, pour le dessert.", "Sucré", 2.8),
    ("Biscuits au beurre", "Des biscuits secs pour le goûter des enfants.", "Sucré", 2.4),
    ("Savon de Marseille", "Un savon pour les mains et le linge.", "Maison", 3.0),
)


def french_items() -> list[Item]:
    return [
        Item(f"f{k}", title, text, price=price, currency="EUR", category=(category,))
        for k, (title, text, category, price) in enumerate(PRODUCTS)
    ]


@pytest.fixture(scope="module")
def grocery(tmp_path_factory: pytest.TempPathFactory) -> Store:
    for name in ("multilingual-e5-small", "efficientnet-lite0"):
        try:
            fetch(name)
        except BackboneError as error:
            pytest.skip(f"a backbone is not available: {error}")
    store = Store.create(tmp_path_factory.mktemp("grocery") / "store")
    store.publish_catalogue(Catalogue.of(french_items()))
    train_embedding(store, EmbedConfig(dim=32, epochs=0))
    return store


def test_the_language_chooses_the_encoder_unless_the_user_does(grocery: Store) -> None:
    version = grocery.current("vectors")
    assert version is not None
    assert version.meta["backbones"]["text"] == "multilingual-e5-small"
    assert version.meta["config"]["text_backbone"] == "multilingual-e5-small"
    assert [choose_text_backbone(language) for language in ("en", None)] == ["minilm-l6"] * 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fromage", {"Camembert", "Comté"}),
        ("un poisson en conserve", {"Sardines à l'huile", "Thon au naturel"}),
        ("de quoi me laver les mains", {"Savon de Marseille"}),
        ("quelque chose de chaud à boire", {"Café moulu", "Thé vert à la menthe"}),
    ],
)
def test_it_is_searched_in_french(grocery: Store, query: str, expected: set[str]) -> None:
    searcher = Searcher.open(grocery.snapshot())
    hits = searcher.search(query, n=3)
    titles = [searcher.catalogue.item(hit.position).title for hit in hits]
    assert expected & set(titles), titles


def test_it_is_answered_in_french(grocery: Store) -> None:
    message = "je cherche un fromage pour moins de 5 euros"
    reply = Assistant.open(grocery.snapshot()).reply(DialogueState(), message)
    assert reply.state.language == "fr"
    assert "Camembert" in [item.title for item in reply.items]
    assert all(item.price is not None and item.price < 5 for item in reply.items)


GERMAN = (
    ("Stehlampe aus Eiche", "Eine Lampe für die Leseecke, mit einem Schirm aus Leinen.", "Lampen", 89.0),
    ("Tischlampe aus Messing", "Eine kleine Lampe für den Nachttisch, die warm leuchtet.", "Lampen", 45.0),
    (
        "Teppich aus Wolle",
        "Ein weicher Teppich, von Hand und mit der Zeit geknüpft.",
        "Teppiche",
        210.0,
    ),
    ("Läufer aus Jute", "Ein schmaler Teppich für den Flur, der nicht fusselt.", "Teppiche", 39.0),
    ("Sofa mit zwei Sitzen", "Das Sofa ist mit einem Stoff aus Baumwolle bezogen.", "Sofas", 640.0),
    ("Sessel aus Samt", "Ein Sessel für das Wohnzimmer, auf dem man lange sitzt.", "Sessel", 320.0),
)


@pytest.mark.parametrize(
    ("products", "options", "notice"),
    [
        (PRODUCTS, [], "the catalogue is in French: multilingual-e5-small encodes its texts"),
        pytest.param(
            *(GERMAN, [], "the catalogue is in German: multilingual-e5-small encodes its texts"),
            marks=pytest.mark.slow,
        ),
        (
            PRODUCTS,
            ["--text-backbone", "minilm-l6"],
            "is in French, but minilm-l6 knows little",
        ),
    ],
    ids=["French", "German", "French with an English encoder"],
)
def test_embed_chooses_by_the_language_and_says_so(
    products: tuple[tuple[str, str, str, float], ...], options: list[str], notice: str, tmp_path: Path
) -> None:
    feed = tmp_path / "feed.tsv"
    with feed.open("w", newline="") as file:
        rows = csv.writer(file, delimiter="\t")
        rows.writerow(["id", "title", "description", "price", "product_type"])
        for number, (title, description, category, price) in enumerate(products):
            rows.writerow([f"p{number}", title, description, f"{price} EUR", category])
    runner, store = CliRunner(), str(tmp_path / "store")
    assert runner.invoke(app, ["import", "google-feed", str(feed), "--store", store]).exit_code == 0
    result = runner.invoke(app, ["embed", store, "--epochs", "0", *options])
    assert result.exit_code == 0, result.output
    assert notice in " ".join(result.output.split())
