"""`bowerbird ask` from the command line, on a store without backbones or a graft."""

import json
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from commands import CommandResult, run_command
from factories import publish_vectors


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, shop: Catalogue, shop_vectors: np.ndarray) -> Path:
    """The shop with vectors, but nothing that encodes a query."""
    path = Path(tmp_path_factory.mktemp("ask")) / "store"
    store = Store.create(path)
    store.publish_catalogue(shop)
    publish_vectors(store, shop_vectors)
    return path


def ask(*arguments: str | Path) -> CommandResult:
    return run_command("ask", *arguments)


def chat(store: Path, messages: str, *options: str | Path) -> CommandResult:
    return run_command("chat", store, *options, messages=messages)


def test_a_conversation_over_two_commands(store: Path, tmp_path: Path, shop: Catalogue) -> None:
    talk = tmp_path / "talk.json"
    first = ask(store, "a red rug under 100", "--state", talk, "--json")
    assert first.returncode == 0, first.stderr
    second = ask(store, "but in green", "--state", talk, "--json")
    items = json.loads(second.stdout)["items"]
    facts = [shop.item(shop.position[item["item_id"]]) for item in items]
    assert facts and {(fact.category[-1], fact.attributes["color"]) for fact in facts} == {("Rug", "Green")}
    assert all(item["price"] < 100 for item in items)


def test_users_get_a_sentence_and_a_table(store: Path) -> None:
    output = ask(store, "a red rug").stdout
    assert "Rug" in output and "€" in output and "red rug" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a rug", "--item", "nonesuch"), "no item 'nonesuch'"),
        (("a rug", "--image", "/no/such/file.jpg"), "can't be read"),
        (("a rug", "--state", __file__), "is not a conversation"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_2(
    store: Path, arguments: tuple[str, ...], message: str
) -> None:
    run = ask(store, *arguments)
    assert run.returncode == 2 and message in run.stderr and "Traceback" not in run.stderr


def test_a_chat_over_piped_input(store: Path, tmp_path: Path, shop: Catalogue) -> None:
    messages = "a red rug\nbut in green\nthe ninth one\ncompare the first two\n\nnever read\n"
    run = chat(store, messages, "--state", tmp_path / "talk.json")
    assert run.returncode == 0 and "Traceback" not in run.stderr, run.stderr
    assert "the ninth one" in run.stdout and "price: " in run.stdout
    state = json.loads((tmp_path / "talk.json").read_text(encoding="utf-8"))
    assert state["turns"] == 4 and state["request"]["facets"] == {"colour": ["Green"], "type": ["Rug"]}


def test_a_chat_ends_with_its_input(store: Path) -> None:
    run = chat(store, "a rug")
    assert run.returncode == 0 and "Rug" in run.stdout and "Traceback" not in run.stderr


def test_a_chat_in_json_is_one_object_a_turn_with_its_state(store: Path) -> None:
    run = chat(store, "a red rug\nbut in green\n", "--json")
    first, second = map(json.loads, run.stdout.splitlines())
    assert first["message"] == "a red rug" and first["cost"]["model"] is None
    assert second["state"]["request"]["facets"] == {"colour": ["Green"], "type": ["Rug"]}
    # The state that a line brings along is continued, whatever was said before.
    lines = [json.dumps({"text": "in blue", "state": first["state"]}), '{"no": "text"}', "a sofa"]
    other = [json.loads(line) for line in chat(store, "\n".join(lines), "--json").stdout.splitlines()]
    assert other[0]["state"]["request"]["facets"]["type"] == ["Rug"]
    assert "must have a text" in other[1]["error"]
    assert other[2]["state"]["request"]["facets"] == {"type": ["Sofa"]}


def test_a_chat_over_a_pipe_has_no_escape_sequences(store: Path) -> None:
    output = chat(store, "a red rug\n").stdout
    assert "Rug" in output and "\x1b" not in output and "you" not in output.split()
