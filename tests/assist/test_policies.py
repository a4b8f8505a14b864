"""The shop's own pages: imported from Markdown, quoted word for word, and nothing else is claimed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.parts import Parts
from bowerbird.assist.policies import FOLDER, Policies, import_policies
from bowerbird.assist.state import DialogueState
from bowerbird.cli.main import app
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.errors import InputError

SHIPPING = (
    "# Shipping\n\nOrders leave within **two** days.\n\n## Abroad\n\n"
    "We ship to Spain for [4.90 EUR](https://shop.example/es). Norway takes a week.\n"
)
RETURNS = "# Returns\n\nYou may return any item within 30 days.\n"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "shipping.md").write_text(SHIPPING, encoding="utf-8")
    (folder / "returns.md").write_text(RETURNS, encoding="utf-8")
    return folder


def assistant_with(pages: Path, assistant: Assistant) -> Assistant:
    """The same assistant, of a shop with pages."""
    (pages.parent / "store").mkdir()
    import_policies(pages, pages.parent / "store")
    parts = Parts(assistant.parts.snapshot, assistant.catalogue, assistant.parts.matrix)
    parts.__dict__.update(encoder=None, policies=Policies.open(pages.parent / "store"))
    return Assistant(parts)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("do you ship to Spain?", "We ship to Spain for 4.90 EUR."),
        ("how long does delivery to Norway take?", "Norway takes a week."),
        ("can I return something?", "You may return any item within 30 days."),
        ("¿envían a España?", "We ship to Spain for 4.90 EUR."),
    ],
)
def test_a_policy_is_quoted_word_for_word(
    question: str, sentence: str, pages: Path, assistant: Assistant
) -> None:
    reply = assistant_with(pages, assistant).reply(DialogueState(), question)
    assert reply.act == "about_shop" and f"{sentence}" in reply.text
    assert not reply.items


@pytest.mark.parametrize("question", ["do you ship to Spain?", "how can i pay?", "is there a warranty?"])
def test_without_a_page_nothing_is_claimed(question: str, assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), question)
    assert reply.act == "about_shop" and "customer service" in reply.text and "“" not in reply.text


def test_a_page_of_another_topic_is_not_quoted(pages: Path, assistant: Assistant) -> None:
    reply = assistant_with(pages, assistant).reply(DialogueState(), "do you accept paypal?")
    assert "“" not in reply.text


def test_the_command_imports_a_folder_in_place_of_the_one_before(
    pages: Path, tmp_path: Path, shop: Catalogue
) -> None:
    path = tmp_path / "shop"
    Store.create(path).publish_catalogue(shop)
    command = ["import", "policies", str(pages), "--store", str(path)]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 0, run.output
    assert sorted(page.name for page in (path / FOLDER).iterdir()) == ["returns.md", "shipping.md"]
    (pages / "returns.md").unlink()
    assert CliRunner().invoke(app, command).exit_code == 0
    assert [page.name for page in (path / FOLDER).iterdir()] == ["shipping.md"]
    assert (path / FOLDER / "shipping.md").read_text(encoding="utf-8") == SHIPPING


@pytest.mark.parametrize(
    ("content", "message"), [(None, "holds no .md file"), (b"\xff\xfe\x00", "is not UTF-8")]
)
def test_a_folder_without_pages_is_an_error(content: bytes | None, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    if content is not None:
        (folder / "shipping.md").write_bytes(content)
    store = Store.create(tmp_path / "store").path
    with pytest.raises(InputError, match=message):
        import_policies(folder, store)
    assert not (store / FOLDER).exists(), "nothing is imported by halves"


def test_two_folders_are_an_error(pages: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="takes one folder"):
        CliRunner().invoke(
            app,
            ["import", "policies", str(pages), str(pages), "--store", str(tmp_path / "s")],
            catch_exceptions=False,
        )


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("livrez-vous en Espagne ?", "La livraison en Espagne coûte 12 EUR."),
        ("do you ship to Spain?", "La livraison en Espagne coûte 12 EUR."),
        ("puis-je renvoyer un produit ?", "Vous pouvez nous renvoyer un produit sous 14 jours."),
    ],
)
def test_pages_in_another_language_answer_too(
    question: str, sentence: str, tmp_path: Path, assistant: Assistant
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    texts = {
        "livraison": "Nous livrons en France pour 5 EUR.\nLa livraison en Espagne coûte 12 EUR.\n",
        "retours": "Vous pouvez nous renvoyer un produit sous 14 jours.\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(f"# {name.title()}\n\n{text}", encoding="utf-8")
    assert sentence in assistant_with(folder, assistant).reply(DialogueState(), question).text
