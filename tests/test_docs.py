"""Documents and commands agree: every command is documented, and every documented call exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bowerbird.cli.main import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOP: Any = typer.main.get_command(app)


def calls_in(page: Path) -> list[list[str]]:
    """The words of every `bowerbird …` line in a page's code blocks."""
    blocks = re.findall(r"```(?:\w*)\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("bowerbird ")]


def command_of(words: list[str]) -> Any:
    command = TOP
    for word in words[1:]:
        if not hasattr(command, "commands") or word not in command.commands:
            break
        command = command.commands[word]
    return command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_documented_call_exists(page: Path) -> None:
    for words in calls_in(page):
        command = command_of(words)
        assert command is not TOP, f"{page.name}: there is no command {' '.join(words)}"
        options = {
            option for parameter in command.params for option in parameter.opts + parameter.secondary_opts
        }
        if hasattr(command, "commands"):
            options |= {
                option
                for sub in command.commands.values()
                for parameter in sub.params
                for option in parameter.opts
            }
        for word in words:
            if word.startswith("-"):
                assert word.split("=")[0] in options, f"{page.name}: {' '.join(words)}: no option {word}"


@pytest.mark.parametrize("name", sorted(TOP.commands))
def test_every_command_is_in_the_readme_and_explains_itself(name: str) -> None:
    assert f"bowerbird {name}" in (ROOT / "README.md").read_text()
    assert TOP.commands[name].help, f"`{name}` has no help"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"
