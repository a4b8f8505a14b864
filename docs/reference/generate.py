"""Generate the reference pages from the code; a hook of MkDocs (see mkdocs.yml).

Nothing that is generated lies in the repository, so the reference can't lag behind the code. `pages()`
returns all of it; MkDocs calls the hooks at the end by their names. Pages of the repository outside of docs/
(`OUTSIDE`) become pages of the site, too.

    python docs/reference/generate.py OUT        # writes the pages as Markdown files, to look at them
"""

from __future__ import annotations

import ast
import importlib
import os
import posixpath
import re
import sys
import tempfile
import typing
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import griffe
import typer.main
from mkdocs.structure.files import File

import bowerbird
from bowerbird.cli.main import app as cli_app

ROOT = Path(__file__).parents[2]
PACKAGE = Path(bowerbird.__file__).parent
OUTSIDE = {
    "benchmarks.md": "benchmarks/README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
"""Pages of the site whose files lie outside of docs/."""
SETTINGS_NAMES = ("Config", "Settings", "Options")
"""A frozen dataclass whose name ends so holds settings."""
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)([^)#\s]+)(#[^)]*)?\)")


@cache
def load_code() -> Any:
    """The package as its source says, read once."""
    return griffe.load("bowerbird", search_paths=[str(PACKAGE.parent)])


def pages() -> dict[str, str]:
    """Return every generated page: its Markdown by its path inside docs/."""
    code = load_code()
    return {
        **dict(cli_pages()),
        "reference/http.md": http_page(),
        "reference/settings.md": settings_page(code),
        "reference/files.md": files_page(),
        "reference/layouts.md": layouts_page(),
        **python_pages(code),
    }


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Format a Markdown table; empty text where there are no rows."""
    if not rows:
        return ""
    lines = [heads, ("---",) * len(heads), *rows]
    cells = (" | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in line) for line in lines)
    return "".join(f"| {line} |\n" for line in cells) + "\n"


def first_line(docstring: str | None) -> str:
    return (docstring or "").strip().split("\n\n")[0].replace("\n", " ")


# -- command line -----------------------------------------------------------------------------------------


def cli_pages() -> Iterator[tuple[str, str]]:
    """Yield one page for each command, and the list of them."""
    top: Any = typer.main.get_command(cli_app)
    rows = []
    for name, command in sorted(top.commands.items()):
        yield f"reference/cli/{name}.md", "".join(command_sections(command, f"bowerbird {name}", 1))
        rows.append((f"[`bowerbird {name}`]({name}.md)", first_line(command.help)))
    yield "reference/cli/index.md", "# Command line\n\n" + table(("command", "what it does"), rows)


def command_sections(command: Any, name: str, level: int) -> Iterator[str]:
    """Yield the section of a command and those of its sub-commands."""
    yield f"{'#' * level} {name}\n\n{(command.help or '').strip()}\n\n"
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    if not hasattr(command, "commands"):
        words = [name, "[OPTIONS]"] if options else [name]
        words += [argument_name(p) if p.required else f"[{argument_name(p)}]" for p in arguments]
        yield f"```\n{' '.join(words)}\n```\n\n"
    rows = [(f"`{argument_name(p)}`", type_of(p), default_of(p), p.help or "") for p in arguments]
    yield table(("argument", "type", "default", "meaning"), rows)
    rows = [
        (", ".join(f"`{o}`" for o in p.opts + p.secondary_opts), type_of(p), default_of(p), option_help(p))
        for p in options
    ]
    yield table(("option", "type", "default", "meaning"), rows)
    for sub_name, sub in getattr(command, "commands", {}).items():
        yield from command_sections(sub, f"{name} {sub_name}", level + 1)


def argument_name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper()) + ("…" if parameter.nargs == -1 else "")


def type_of(parameter: Any) -> str:
    """Say what a parameter takes, with its limits."""
    if getattr(parameter, "is_flag", False):
        return "flag"
    annotation = parameter.type_descriptor.annotation
    if typing.get_origin(annotation) is list:
        text = f"{typing.get_args(annotation)[0].__name__.lower()}, repeatable"
    elif issubclass(annotation, Enum):
        text = " or ".join(f"`{choice.value}`" for choice in annotation)
    else:
        text = annotation.__name__.lower()
    limits = [
        f"{words} {limit}"
        for words, limit in (("at least", parameter.min), ("at most", parameter.max))
        if limit is not None
    ]
    return ", ".join([text, *limits])


def default_of(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if value is None or callable(value) or value == [] or "UNSET" in repr(value).upper():
        return ""
    return f"`{getattr(value, 'value', value)}`"


def option_help(parameter: Any) -> str:
    variable = f" Environment variable: `{parameter.envvar}`." if parameter.envvar else ""
    return (parameter.help or "") + variable


# -- HTTP -------------------------------------------------------------------------------------------------


def openapi() -> dict[str, Any]:
    """Return the server's own description. No store is opened: routes are listed here, and never called."""
    from bowerbird.serve import app

    opens_store = [
        name
        for name, value in vars(app).items()
        if getattr(value, "__module__", "") == "bowerbird.serve.app_state"
    ]
    unopened = mock.MagicMock(**{"return_value.store.path": Path("no-store")})
    with mock.patch.multiple(app, **dict.fromkeys(opens_store, unopened)):
        description: dict[str, Any] = app.create_app("no-store").openapi()
    return description


def http_page() -> str:
    """Describe every route: parameters, body, answers."""
    description = openapi()
    schemas = description.get("components", {}).get("schemas", {})
    text = ["# HTTP routes\n\nThe server describes itself at `/openapi.json`.\n\n"]
    for path, methods in description["paths"].items():
        for method, route in methods.items():
            text.append(
                f"## {method.upper()} {path}\n\n{route.get('description', route.get('summary', ''))}\n\n"
            )
            text.append(f"Role: `{route['x-role']}`.\n\n")
            rows = [
                (
                    f"`{p['name']}`",
                    p["in"],
                    schema_type(p["schema"]),
                    schema_default(p),
                    p.get("description", ""),
                )
                for p in route.get("parameters", [])
            ]
            text.append(table(("parameter", "in", "type", "default", "meaning"), rows))
            content = route.get("requestBody", {}).get("content", {})
            text += [
                f"Body, `{media}`: {schema_type(body.get('schema', {}))}.\n\n"
                for media, body in content.items()
            ]
    text.append("## Bodies\n\n")
    for name, schema in schemas.items():
        if "ValidationError" not in name:
            text.append(f"### {name}\n\n{schema.get('description', '')}\n\n{schema_fields(schema)}")
    return "".join(text)


def schema_fields(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (
            f"`{name}`",
            schema_type(field),
            "required" if name in required else schema_default({"schema": field}),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return table(("field", "type", "default"), rows)


def schema_type(schema: dict[str, Any]) -> str:
    """Say a JSON schema in a few words, with its limits."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(schema_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {schema_type(schema.get('items', {}))}"
    names = {
        "minimum": "≥",
        "maximum": "≤",
        "exclusiveMinimum": ">",
        "exclusiveMaximum": "<",
        "minLength": "length ≥",
        "maxLength": "length ≤",
    }
    limits = [f"{sign} {schema[name]}" for name, sign in names.items() if name in schema]
    return ", ".join([kind, *limits])


def schema_default(parameter: dict[str, Any]) -> str:
    if parameter.get("required"):
        return "required"
    value = parameter["schema"].get("default")
    return "" if value is None else f"`{value}`"


# -- settings and files -----------------------------------------------------------------------------------


def settings_page(code: Any) -> str:
    """Describe bowerbird.toml, the environment variables, and every settings class."""
    from bowerbird.data.store import SETTINGS_FILE, Store

    with tempfile.TemporaryDirectory() as folder:
        Store.create(Path(folder) / "store")
        toml = (Path(folder) / "store" / SETTINGS_FILE).read_text()
    text = f"# Settings\n\n## {SETTINGS_FILE}\n\nA new store begins with this file:\n\n```toml\n{toml}```\n\n"
    text += "## Environment variables\n\n" + table(("variable", "read in", "which"), environment_rows())
    text += "## Settings of the components\n\n"
    for path, settings in settings_classes(code):
        text += (
            f"### {settings.name}\n\n`{path}`: {settings.docstring.value if settings.docstring else ''}\n\n"
        )
        rows = [
            (f"`{name}`", f"`{field.annotation}`", *default_and_meaning(field))
            for name, field in settings.members.items()
            if field.is_attribute and "instance-attribute" in field.labels and not name.startswith("_")
        ]
        text += table(("setting", "type", "default", "meaning and unit"), rows)
    return text


def default_and_meaning(field: Any) -> tuple[str, str]:
    """The default of a setting, and what it means with its unit, from `setting(…)` or from its docstring."""
    meaning = first_line(field.docstring.value if field.docstring else "")
    if not str(field.value or "").startswith("setting("):
        return f"`{field.value}`" if field.value else "required", meaning
    call = ast.parse(str(field.value), mode="eval").body
    assert isinstance(call, ast.Call)
    default, *texts = call.args
    description, *unit = [str(ast.literal_eval(text)) for text in texts]
    return f"`{ast.unparse(default)}`", ", ".join([description, *unit])


def settings_classes(code: Any) -> list[tuple[str, Any]]:
    """Return the dataclasses of the package that hold settings, with their paths."""
    found: list[tuple[str, Any]] = []

    def visit(module: Any) -> None:
        for member in module.members.values():
            if member.is_alias:
                continue
            if member.is_module:
                visit(member)
            elif member.is_class and member.name.endswith(SETTINGS_NAMES) and "dataclass" in member.labels:
                found.append((member.path, member))

    visit(code)
    return found


def environment_rows() -> list[tuple[str, ...]]:
    """Find the environment variables of bowerbird's own that the code names."""
    rows = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text()
        for name in sorted(set(re.findall(r'"(BOWERBIRD_[A-Z_]+)"', source))):
            module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
            rows.append((f"`{name}`", f"`{module}`", first_line(ast.get_docstring(ast.parse(source)))))
    return rows


def files_page() -> str:
    """Describe the files of a store: tables, databases, and where each file is defined."""
    from bowerbird.data.versions.version import KINDS, RECENT_SETS

    text = "# File formats of a store\n\n"
    text += "The folders are drawn in [How it works](../explanation/how-it-works.md).\n\n"
    text += f"`versions.json` names one version of each kind that there is ({', '.join(KINDS)}). "
    text += f"The last {RECENT_SETS} sets of versions are kept.\n\n"
    text += "## Tables\n\n" + "".join(schema_sections()) + "## Databases\n\n"
    rows = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        module, about = (
            ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts),
            first_line(ast.get_docstring(tree)),
        )
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and "CREATE TABLE" in node.value
            ):
                text += f"`{module}`: {about}\n\n```sql\n{node.value.strip()}\n```\n\n"
        rows += [(f"`{name}`", f"`{module}`", about) for name in file_names(tree)]
    return text + "## Files, by the module that defines them\n\n" + table(("file", "module", "which"), rows)


# -- layouts of imported files ------------------------------------------------------------------------------

READERS = "bowerbird.data.readers"
CATALOGUE_LAYOUTS = {
    "google_feed": "FIELDS",
    "meta_catalogue": "RENAMED",
    "openai_feed": "RENAMED",
    "shopify": "NAMES",
    "woocommerce": "REQUIRED",
    "schema_org": "",
    "own_items": "",
}
"""Modules of catalogues, and the constant that holds their columns."""
OTHER_LAYOUTS = {
    "events": ("segment", "ga4", "snowplow"),
    "datasets": ("movielens", "recbole", "amazon_reviews", "hm", "ikea_rooms"),
}
VALUES = ("texts", "prices", "currencies", "times", "availability", "numbers", "actions")


def layouts_page() -> str:
    """Describe what imports understand: the columns of each layout, how they are read, what is refused."""
    text = "# Layouts of imported files\n\nHow to import them: [Import your data](../how-to/import.md).\n\n"
    text += "## Catalogues\n\n"
    for name, constant in CATALOGUE_LAYOUTS.items():
        module = importlib.import_module(f"{READERS}.catalogues.{name}")
        text += f"### {name.replace('_', '-')}\n\n{(module.__doc__ or '').strip()}\n\n"
        columns = (
            getattr(module, constant) if hasattr(module, constant) else feed_fields() if constant else ()
        )
        text += columns_table(columns)
    text += "### Your own tables\n\nThe fields of a column map; those without a default are required.\n\n"
    for record in ("ItemColumns", "EventColumns", "CollectionColumns"):
        cls = getattr(importlib.import_module(f"{READERS}.column_map"), record)
        fields = [name for name in cls.__dataclass_fields__ if name != "file"]
        text += f"{first_line(cls.__doc__)} {', '.join(f'`{name}`' for name in fields)}.\n\n"
    for kind, names in OTHER_LAYOUTS.items():
        text += {"events": "## Events\n\n", "datasets": "## Public data sets\n\n"}[kind]
        for name in names:
            module = importlib.import_module(f"{READERS}.{kind}.{name}")
            text += f"### {name.replace('_', '-')}\n\n{(module.__doc__ or '').strip()}\n\n"
            actions = getattr(module, "ACTION_OF", {}) | getattr(module, "ACTION_OF_LIST", {})
            text += table(
                ("event", "action"), [(f"`{event}`", f"`{action}`") for event, action in actions.items()]
            )
    return text + "## Values\n\n" + "".join(map(value_section, VALUES))


def feed_fields() -> Any:
    return importlib.import_module(f"{READERS}.catalogues.feed_items").FIELDS


def columns_table(columns: Any) -> str:
    """Format the columns of a catalogue: a table of what they mean, or the list of required ones."""
    if not isinstance(columns, dict):
        return f"Required: {', '.join(f'`{name}`' for name in columns)}.\n\n" if columns else ""
    rows = [
        (f"`{name}`", meaning if isinstance(meaning, str) else ", ".join(f"`{each}`" for each in meaning))
        for name, meaning in columns.items()
    ]
    return table(("field", "how it is read, or what it is called"), rows)


def value_section(name: str) -> str:
    """Describe one kind of value: what its module says, and the reasons for which a value is left out."""
    module = importlib.import_module(f"{READERS}.values.{name}")
    rejection = importlib.import_module(f"{READERS}.values.outcomes").Rejection
    reasons = [value.reason for value in vars(module).values() if isinstance(value, rejection)]
    listed = "".join(f"- {reason}\n" for reason in dict.fromkeys(reasons))
    spellings = columns_table(
        {str(each): names for each, names in getattr(module, "USUAL_NAMES", {}).items()}
    )
    refused = f"Left out, and listed with its row, where the value\n\n{listed}\n" if listed else ""
    return f"### {name}\n\n{(module.__doc__ or '').strip()}\n\n{spellings}{refused}"


def file_names(tree: ast.Module) -> Iterator[str]:
    """Yield the values of a module's constants whose names end in `_FILE`."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names, values = node.targets[0], node.value
            pairs = (
                zip(names.elts, values.elts, strict=True)
                if isinstance(names, ast.Tuple) and isinstance(values, ast.Tuple)
                else [(names, values)]
            )
            for name, value in pairs:
                if (
                    isinstance(name, ast.Name)
                    and name.id.endswith("_FILE")
                    and isinstance(value, ast.Constant)
                ):
                    yield str(value.value)


def schema_sections() -> Iterator[str]:
    """Yield a section for each public Arrow schema in `data`, with the comments on its columns."""
    for path in sorted((PACKAGE / "data").glob("*.py")):
        source = path.read_text()
        comments = dict(re.findall(r'pa\.field\("(\w+)",.*\),\s+# (.*)', source))
        for name in re.findall(r"^([A-Z]\w*_SCHEMA) = pa\.schema", source, re.MULTILINE):
            schema = getattr(importlib.import_module(f"bowerbird.data.{path.stem}"), name)
            rows = [
                (f"`{f.name}`", f"`{f.type}`", "" if f.nullable else "required", comments.get(f.name, ""))
                for f in schema
            ]
            title = name.removesuffix("_SCHEMA").replace("_", " ").capitalize() + "s"
            yield f"### {title}\n\n`bowerbird.data.{path.stem}.{name}`\n\n" + table(
                ("column", "type", "", "meaning"), rows
            )


# -- Python -----------------------------------------------------------------------------------------------


def python_pages(code: Any) -> dict[str, str]:
    """Return one page for each folder that has public names, and the list of all."""
    rows, texts = [], {}
    for name in bowerbird.__all__:
        path = code[name].target_path
        folder = path.split(".")[1]
        texts.setdefault(f"reference/python/{folder}.md", f"# bowerbird.{folder}\n\n")
        texts[f"reference/python/{folder}.md"] += f"::: {path}\n\n"
        rows.append((f"[`bowerbird.{name}`][{path}]", f"`{path}`"))
    head = "# Python\n\nThese names are public: `from bowerbird import Store`. All others may change.\n\n"
    return {"reference/python/index.md": head + table(("name", "defined as"), rows), **texts}


# -- hooks of MkDocs --------------------------------------------------------------------------------------


def on_config(config: Any) -> Any:
    """Put the generated pages into the navigation's section Reference."""
    generated = pages()
    config.extra["generated"] = generated

    def inside(folder: str) -> list[Any]:
        return sorted(
            (path for path in generated if path.startswith(folder)),
            key=lambda path: (not path.endswith("index.md"), path),
        )

    section = next(part["Reference"] for part in config.nav if "Reference" in part)
    section[:0] = [
        {"Command line": inside("reference/cli/")},
        {"HTTP routes": "reference/http.md"},
        {"Python": inside("reference/python/")},
        {"Settings": "reference/settings.md"},
        {"File formats": "reference/files.md"},
        {"Layouts of imported files": "reference/layouts.md"},
    ]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages, and those that lie outside of docs/."""
    outside = {page: (ROOT / path).read_text() for page, path in OUTSIDE.items()}
    for path, text in {**config.extra["generated"], **outside}.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links between files of the repository to the pages of the site; others become plain text."""
    here = OUTSIDE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    site_of = {path: name for name, path in OUTSIDE.items()}

    def link(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        inside = site_of.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if inside is None:
            return label
        return f"[{label}]({os.path.relpath(inside, posixpath.dirname(page.file.src_uri) or '.')}{anchor})"

    return LINK.sub(link, markdown)


if __name__ == "__main__":
    for name, text in pages().items():
        target = Path(sys.argv[1]) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
