"""Names, options and documents use the vocabulary of recommender systems.

Old terms of this project are banned, each with its replacement. A failure lists file, line, term and
replacement.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from bowerbird.cli.main import app

ROOT = Path(__file__).parents[1]
NOT_CHECKED = ("log.md", "assistant-review.md")
"""History, and messages as customers write them."""
TREES = ("src", "tests", "benchmarks")
MAX_VAGUE_SHARE = 0.01
MIN_SCRIPT_NAMES = 1_000

REPLACEMENTS = {
    "lesson lessons taught teaching": "training examples, dataset, trained",
    "lots": "hash split",
    "judge judges judged judging worth": "evaluator, evaluate, metric, score",
    "views": "modality features",
    "signals": "source scores",
    "met sought reached drawn": "candidates, hits, sampled, …: say what it is",
    "found told telling said kept held walked": "results, text, cached, …: say what it is",
    "ours": "bowerbird",
    "beside": "extra candidates, next to",
    "shelf": "id-neighbourhood popularity",
    "leanings leaning": "attribute affinity",
    "occasion occasions": "slate, session",
    "visit": "session",
    "wish wishes hoped": "request, options, target outcome",
    "because": "explanation",
    "everyone everybody": "user states, all users",
    "people persons person": "users, user",
    "roster": "user index",
    "stranger strangers": "unknown or cold-start user",
    "asks asker teller": "queries, query",
    "eyes eye sight": "vision encoder, image input",
    "thing things piece pieces": "soft item, prompt segment, item, part",
    "intake": "ingestion",
    "mended": "repaired",
    "refused": "rejected",
    "tally": "stats",
    "dearer dearest": "more expensive, most expensive",
    "news": "changeset",
    "unfinished": "checkpoint",
    "picker longest": "sampler, context length",
    "gathering shopping tasting": "event batcher, routes",
    "anew": "again",
    "learnt": "learned",
    "unfrozen unfreezing": "fine-tuned, fine-tuning",
}
BANNED = {word: replacement for words, replacement in REPLACEMENTS.items() for word in words.split()}

VAGUE_WORDS = """
    one found said told kept both more some other others left part how what who whom when where way many much
    most rest given taken made done known shown held met sought asked wanted chosen reached drawn then there
    here mine theirs about beside whole thing
"""
VAGUE = frozenset(VAGUE_WORDS.split())
EMPTY_WORDS = """
    one found said told kept both more some what who whom how many much made taken here there mine theirs
    named asked say says tell tells about most thing
"""
EMPTY = frozenset(EMPTY_WORDS.split())
"""Names that hold nothing of what they are, alone."""


@dataclass(frozen=True)
class Exemption:
    """A term that is right where `pattern` matches the whole name, below a path."""

    pattern: str
    reason: str
    below: str = ""

    def covers(self, path: str, name: str) -> bool:
        return path.startswith(self.below) and re.fullmatch(self.pattern, name, re.IGNORECASE) is not None


EXEMPTIONS = (
    Exemption(r"\w*held_?out\w*", "test data that is held out"),
    Exemption(r"\w*not_?found\w*", "the usual name of the error"),
    Exemption(r"\w*longest_(prefix|pause)\w*", "a length, not the context length"),
    Exemption(r"say", "what a template says, with the values of a turn", "src/bowerbird/assist/"),
    Exemption(r"about", "a column of `bowerbird models list`", "src/bowerbird/models/"),
    Exemption(
        r"_?(taken|more)", "what a rule took of a text; the act of asking for more", "src/bowerbird/assist/"
    ),
    Exemption(r"_stop_on_signals", "signals of the operating system", "src/bowerbird/cli/"),
    Exemption(r"views", "views of the page", "src/bowerbird/serve/page/"),
    Exemption(r"PicturePicker", "the field that takes a picture", "src/bowerbird/serve/page/"),
    Exemption(r"visit", "visits a node: depth-first search", "tests/test_layers.py"),
    Exemption(r"\w*visits?_\w*", "visits of a random walk", "tests/taste/test_walks.py"),
)

PHRASES = {
    r"\banew\b": "again",
    r"\bat once\b": "immediately, in real time, together",
    r"\bso many\b": "N",
    r"\bwhoever\b": "anyone who",
    r"(?<!there )\bis no (?!longer|more|such|need|way|one\b)": "is not a(n)",
    r"\blearnt\b": "learned",
    r"\btold apart\b": "not significantly different, distinguished",
    r"\bhoped for\b": "target outcome",
    r"\bsays how\b(?! (to|much|many|good)\b)": "explanation",
    r"\bstrangers?\b": "unknown or cold-start user",
    r"\blessons?\b": "training examples, dataset",
    r"\btaught\b": "trained",
    r"\bmended\b": "repaired",
    r"\btally\b": "stats",
    r"\bdear(er|est)\b": "more expensive, most expensive",
    r"\bunfrozen\b": "fine-tuned",
    r"\bjudge[sd]?\b": "evaluate, evaluator",
    r"\b(the|its|their) eyes\b": "vision encoder",
    r"\bbeside\b": "next to, compared with",
    r"\bshelf\b": "id-neighbourhood popularity",
    r"\bleanings?\b": "attribute affinity",
    r"\bset aside\b|\bnot-mine\b": "excluded, exclude-item",
    r"\bours\b": "bowerbird",
}
OPTIONS = {
    "--at": "--k",
    "--given": "--n-given",
    "--live": "--prequential",
    "--asks": "--max-queries",
    "--explore": "--exploration",
    "--not-me": "--reject",
}
COMMANDS = {"not-mine": "exclude-item", "listen": "consume", "crowd": "similar users"}


def words_of(name: str) -> list[str]:
    """Split an identifier into its words, in lower case.

    >>> words_of("_HTTPRoundsTold2_at")
    ['http', 'rounds', 'told2', 'at']
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def bindings(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name that code binds and its line: definitions, parameters, variables, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node.lineno
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, node.lineno


@cache
def bindings_of(tree_name: str) -> tuple[tuple[str, int, str], ...]:
    """Path, line and name of every binding of a tree's modules."""
    return tuple(
        (path.relative_to(ROOT).as_posix(), line, name)
        for path in sorted((ROOT / tree_name).rglob("*.py"))
        for name, line in bindings(ast.parse(path.read_text(encoding="utf-8")))
    )


SCRIPTS = ROOT / "src" / "bowerbird" / "serve" / "page" / "app"
DECLARED = re.compile(r"\b(?:const|let|function|class)\s+(\w+)|,\s*(\w+)\s*=(?![=>])|(\w+)\s*=>")
LISTED = re.compile(r"[{\[(]([^{}\[\]()]*)[}\])]{1,2}\s*(?:=|\)|\{)")
"""What is taken apart, and parameters."""


def script_bindings() -> Iterator[tuple[str, int, str]]:
    """Yield path, line and name of what the page's scripts bind, outside of strings and comments."""
    for path in sorted(SCRIPTS.rglob("*.js")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            code = re.sub(r'"[^"]*"', '""', line.partition("// ")[0])
            listed = [entry for names in LISTED.findall(code) for entry in names.split(",")]
            renamed = [entry.partition("=")[0].rpartition(":")[2].strip(" .") for entry in listed]
            for name in [*(name for names in DECLARED.findall(code) for name in names), *renamed]:
                if name.isidentifier():
                    yield path.relative_to(ROOT).as_posix(), number, name


@cache
def is_banned(name: str) -> bool:
    return any(word in BANNED for word in words_of(name))


def replacement_of(path: str, name: str) -> str | None:
    """Return what to use in place of a banned word in a name; None if the name is fine."""
    if not is_banned(name) or any(exemption.covers(path, name) for exemption in EXEMPTIONS):
        return None
    return "; ".join(BANNED[word] for word in words_of(name) if word in BANNED)


def phrases_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, phrase and replacement of banned phrases, outside of code and of tables of renames."""
    in_code = in_renames = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        cells = [cell.strip().lower() for cell in line.strip().strip("|").split("|")]
        if line.lstrip().startswith("|"):
            in_renames = in_renames or cells[:2] in (["old", "new"], ["not", "but"], ["was", "is"])
        else:
            in_renames = False
        if in_renames:
            continue
        for option, replacement in OPTIONS.items():
            if re.search(rf"(?<![\w-]){option}(?![\w-])", line):
                yield number, option, replacement
        prose = "" if in_code else re.sub(r"`[^`]*`", "", line)
        for phrase, replacement in PHRASES.items():
            for match in re.finditer(phrase, prose, re.IGNORECASE):
                yield number, match[0], replacement


def documents() -> list[Path]:
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md"]
    return paths + [path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name not in NOT_CHECKED]


def commands(command: click.Command, names: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(names), command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*names, name))


def check_none(faults: list[str]) -> None:
    """Fail with one fault a line, without the traceback."""
    if faults:
        pytest.fail(f"{len(faults)} terms outside the vocabulary:\n" + "\n".join(faults), pytrace=False)


@pytest.mark.parametrize("tree_name", TREES)
def test_no_name_holds_a_banned_word(tree_name: str) -> None:
    faults = [
        f"{path}:{line}: {name} → {replacement}"
        for path, line, name in bindings_of(tree_name)
        if (replacement := replacement_of(path, name)) is not None
    ]
    check_none(faults)


@pytest.mark.parametrize("tree_name", TREES)
def test_no_name_is_empty(tree_name: str) -> None:
    faults = [
        f"{path}:{line}: {name} → say what it holds"
        for path, line, name in bindings_of(tree_name)
        if name.strip("_").lower() in EMPTY
        and not any(exemption.covers(path, name) for exemption in EXEMPTIONS)
    ]
    check_none(faults)


@pytest.mark.parametrize("tree_name", TREES)
def test_few_names_are_vague(tree_name: str) -> None:
    names = bindings_of(tree_name)
    vague = [f"{path}:{line}: {name}" for path, line, name in names if name.strip("_") in VAGUE]
    if len(vague) >= MAX_VAGUE_SHARE * len(names):
        limit = (
            f"{len(vague)} of {len(names)} names are vague (limit {MAX_VAGUE_SHARE:.0%}): say what each holds"
        )
        check_none([limit, *vague])


def test_the_pages_scripts_use_the_vocabulary() -> None:
    names = list(script_bindings())
    assert len(names) > MIN_SCRIPT_NAMES
    check_none(
        [
            f"{path}:{line}: {name} → say what it holds"
            for path, line, name in names
            if replacement_of(path, name) is not None or name.lower() in EMPTY
        ]
    )


def test_commands_and_options_use_the_vocabulary() -> None:
    faults = []
    for name, command in commands(typer.main.get_command(app)):
        last = name.rpartition(" ")[2]
        options = [option for parameter in command.params for option in parameter.opts]
        faults += [f"bowerbird {name} → {COMMANDS[last]}"] if last in COMMANDS else []
        for option in options:
            banned = [BANNED[word] for word in words_of(option) if word in BANNED]
            replacement = OPTIONS.get(option) or "; ".join(banned)
            faults += [f"bowerbird {name} {option} → {replacement}"] if replacement else []
    check_none(faults)


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_use_the_vocabulary(path: Path) -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{line}: {phrase} → {replacement}"
        for line, phrase, replacement in phrases_in(path.read_text(encoding="utf-8"))
    ]
    check_none(faults)


def test_banned_words_are_seen_wherever_a_name_is_bound() -> None:
    source = """
import os as lessons
class JudgeOfItems:
    def walk(self, stranger, *, n_asks=1, **eyes):
        self.shelf_rank = [tally for tally in ()]
        if (news := 1): pass
        try: pass
        except OSError as dearest: pass
"""
    banned_names = {name for name, _ in bindings(ast.parse(source)) if replacement_of("src/x.py", name)}
    assert banned_names == {
        *("lessons", "JudgeOfItems", "stranger", "n_asks", "eyes", "shelf_rank", "tally", "news", "dearest"),
    }
    assert replacement_of("src/x.py", "held_out_users") is None


def test_banned_phrases_are_seen_in_prose_only() -> None:
    lines = [
        *("Ours is learnt anew.", "`ours` is a key.", "```", "ours --at 5", "```"),
        *("| old | new |", "|---|---|", "| `--at` | ours |", "", "ours"),
    ]
    phrases = [(line, phrase.lower()) for line, phrase, _ in phrases_in("\n".join(lines))]
    assert phrases == [(1, "anew"), (1, "learnt"), (1, "ours"), (4, "--at"), (10, "ours")]
