"""The documents and the code say the same: what exists is documented, and what is documented exists."""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

import bowerbird
from bowerbird.cli.main import app
from bowerbird.data.readers.records import RejectedRow
from bowerbird.recommend.sources import Source

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOP: Any = typer.main.get_command(app)


@cache
def load_generator() -> Any:
    """docs/reference/generate.py, which is a hook of MkDocs and in no package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "reference" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    pages: dict[str, str] = load_generator().pages()
    return pages


def calls_in(page: Path) -> list[list[str]]:
    """The words of every `bowerbird …` line in a page's code blocks."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
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


def test_links_between_pages_lead_somewhere(generated: dict[str, str]) -> None:
    generated_paths = {ROOT / "docs" / path for path in generated}
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            path = page.parent / target
            assert path.exists() or path in generated_paths, (
                f"{page.name} links to {target}, which is not there"
            )


# -- reference --------------------------------------------------------------------------------------------


def commands_of(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command and sub-command, with its full name."""
    for word, command in group.commands.items():
        yield f"{name} {word}", command
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{name} {word}")


@pytest.mark.parametrize(("name", "command"), list(commands_of(TOP, "bowerbird")), ids=str)
def test_the_reference_has_every_command_and_option(
    generated: dict[str, str], name: str, command: Any
) -> None:
    page = generated[f"reference/cli/{name.split()[1]}.md"]
    section = re.split(r"^#+ ", page.split(f"# {name}\n", 1)[1], flags=re.MULTILINE)[0]
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert all(f"`{option}`" in section for option in parameter.opts), parameter.name


@pytest.mark.parametrize("name", bowerbird.__all__)
def test_the_reference_has_every_public_name(generated: dict[str, str], name: str) -> None:
    pages = "".join(text for path, text in generated.items() if path.startswith("reference/python/"))
    assert re.search(rf"^::: bowerbird\.\S*\.{name}$", pages, re.MULTILINE)
    assert f"`bowerbird.{name}`" in pages


def test_the_reference_has_every_route(generated: dict[str, str]) -> None:
    """Routes are written as decorators; each path that the server's code names is on the page, but for second
    spellings of one that the document leaves out."""
    sources = "".join(path.read_text() for path in (ROOT / "src" / "bowerbird" / "serve").rglob("*.py"))
    decorators = r"@(?:router|app)\.(get|post|put|delete|patch)\(\s*\"([^\"]+)\"(?!, include_in_schema=False)"
    routes = re.findall(decorators, sources)
    assert len(routes) > 15
    for method, path in routes:
        plain = re.sub(r":\w+}", "}", path)
        assert f"## {method.upper()} {plain}\n" in generated["reference/http.md"]


def test_the_reference_has_every_setting_of_a_store(generated: dict[str, str]) -> None:
    settings = generated["reference/settings.md"]
    for name in ("half_life_days", "machine_hour", "EmbedConfig", "GraftConfig", "RecommendOptions"):
        assert name in settings


def test_the_glossary_names_code_that_exists() -> None:
    code = load_generator().load_code()
    text = (ROOT / "docs" / "reference" / "glossary.md").read_text()
    names = re.findall(r"`bowerbird\.([\w.]+)`", text)
    assert len(names) > 50
    missing = [name for name in names if not exists(code, name)]
    assert not missing


def exists(code: Any, name: str) -> bool:
    try:
        code[name]
    except KeyError:
        return False
    return True


def test_the_diagram_of_the_data_appears_once() -> None:
    """README and explanation show the same drawing."""
    page = (ROOT / "docs" / "explanation" / "how-it-works.md").read_text()
    drawing = re.findall(r"^```\n(your feed.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(drawing) == 1
    assert drawing[0] in (ROOT / "README.md").read_text()


def test_every_folder_is_explained() -> None:
    """Each folder of the package has a row; each room of embed, taste and recommend, too."""
    page = (ROOT / "docs" / "explanation" / "how-it-works.md").read_text()
    package = ROOT / "src" / "bowerbird"
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    rooms = {
        f"{path.parts[-3]}/{path.parts[-2]}"
        for folder in ("embed", "taste", "recommend")
        for path in package.glob(f"{folder}/*/__init__.py")
    }
    explained = set(re.findall(r"^\| `([\w/]+)` \|", page, re.MULTILINE))
    assert explained == folders | rooms


def examples_of(page: Path) -> list[dict[str, Any]]:
    """The names that each indented Python block of a page defines, of those that run by themselves."""
    blocks = re.findall(r"^    ```python\n(.*?)^    ```", page.read_text(), re.DOTALL | re.MULTILINE)
    examples: list[dict[str, Any]] = []
    for block in map(textwrap.dedent, blocks):
        if "import" in block:
            names: dict[str, Any] = {}
            exec(compile(block, str(page), "exec"), names)
            examples.append(names)
    return examples


def test_the_examples_for_contributors_run(tmp_path: Path) -> None:
    reader, source = examples_of(ROOT / "CONTRIBUTING.md")
    feed = tmp_path / "feed.jsonl"
    feed.write_text('{"id": "a", "title": "a red lamp", "price": 20}\n{"title": "no id"}\n')
    accepted, rejected = reader["read"]([feed])
    assert (accepted.item.item_id, accepted.item.price) == ("a", 20)
    assert rejected == RejectedRow("items", "no id", "feed.jsonl:2", {"title": "no id"})
    assert issubclass(source["SameBrandSource"], Source)
    assert not source["SameBrandSource"].__abstractmethods__


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """As `make docs` builds it; --strict turns a broken link or an unknown name into an error."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert (tmp_path / "site" / "reference" / "cli" / "embed.html").exists()
    shutil.rmtree(tmp_path / "site")
