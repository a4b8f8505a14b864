"""`bowerbird config show`: the settings of a store, and the hyper-parameters of its versions in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.config import Setting, describe_config, nested_configs
from bowerbird.errors import InputError, StoreError

if TYPE_CHECKING:
    from bowerbird.data.store import Store
    from bowerbird.data.versions.meta import VersionMeta
    from bowerbird.data.versions.version import Version

config_app = typer.Typer(no_args_is_help=True, help="Show settings and hyper-parameters.")


def trained_kinds() -> tuple[type[VersionMeta], ...]:
    """The records of all kinds of versions that have a config."""
    from bowerbird.assist.acts.opening import ActsMeta
    from bowerbird.assist.scoring.weights import RetrievalMeta
    from bowerbird.conversations.config import DialogueRankerMeta
    from bowerbird.embed.meta import VectorsMeta
    from bowerbird.graft.config import GraftMeta
    from bowerbird.recommend.meta import CompletionMeta, RankerMeta
    from bowerbird.taste.config import InterestsMeta

    assistant = (ActsMeta, DialogueRankerMeta, RetrievalMeta)
    return (VectorsMeta, InterestsMeta, RankerMeta, CompletionMeta, GraftMeta, *assistant)


def runtime_configs() -> tuple[Any, ...]:
    """The configs of components that no version is made by: those in force are their defaults."""
    from bowerbird.demo.world import DemoConfig
    from bowerbird.embed.search.config import SEARCH_DEFAULTS
    from bowerbird.recommend.config import CompletionConfig
    from bowerbird.taste.config import TASTE_CONFIG

    return (TASTE_CONFIG, SEARCH_DEFAULTS, CompletionConfig(), DemoConfig())


@dataclass(frozen=True)
class Component:
    """One config, as it is shown to people."""

    name: str
    """Where it is declared, without the package."""
    version: str
    """Kind and name of the version that it made; empty for one that made none."""
    settings: list[Setting]
    problem: str = ""
    """Why its settings are not known."""


@config_app.callback()
def config() -> None:
    """Show settings and hyper-parameters."""


@config_app.command()
def show(
    store: StoreArgument,
    component: Annotated[
        str,
        typer.Argument(
            help="Only components whose name starts with this, such as `embed`.", show_default=False
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the settings of a store and the hyper-parameters of its versions in force.

    Those that differ from their defaults are marked. The settings of bowerbird.toml can be changed there.
    """
    from bowerbird.data.store import Store

    components = list(list_components(Store.open(store)))
    selected = [each for each in components if f"{each.name}.".startswith(component.rstrip(".") + ".")]
    if component and not selected:
        names = ", ".join(dict.fromkeys(each.name for each in components))
        raise InputError(f"there is no component {component!r}; there are {names}")
    selected = selected or components
    result = {"store": str(store), "components": [_as_json(each) for each in selected]}
    emit(result, as_json, lambda console: _print(console, selected))


def list_components(store: Store) -> Iterator[Component]:
    """The settings of a store, the configs of its versions in force, and those without versions."""
    snapshot = store.snapshot()
    yield from _components(store.settings, "")
    for meta_type in trained_kinds():
        version = snapshot.version(meta_type.KIND)
        if version is not None:
            yield from _components_of(version, meta_type)
    for config in runtime_configs():
        yield from _components(config, "")


def _components_of(version: Version, meta_type: type[VersionMeta]) -> Iterator[Component]:
    label = f"{version.kind} {version.name}"
    try:
        config = version.read_meta(meta_type).config
    except StoreError as error:  # made by another bowerbird: the other components are shown nevertheless
        yield Component(version.kind, label, [], str(error))
        return
    if config is not None:
        yield from _components(config, label)


def _components(config: Any, version: str) -> Iterator[Component]:
    for each in nested_configs(config):
        name = f"{type(each).__module__}.{type(each).__name__}".removeprefix("bowerbird.")
        if settings := [_without_secret(setting) for setting in describe_config(each)]:
            yield Component(name, version, settings)


def _without_secret(setting: Setting) -> Setting:
    from bowerbird.data.files.addresses import redact_address

    if not setting.secret or "://" not in str(setting.value):
        return setting
    return Setting(**{**asdict(setting), "value": redact_address(str(setting.value))})


def _as_json(component: Component) -> dict[str, Any]:
    settings = [asdict(each) | {"changed": each.is_changed} for each in component.settings]
    return {
        "name": component.name,
        "version": component.version,
        "settings": settings,
        "problem": component.problem,
    }


def _print(console: Console, components: list[Component]) -> None:
    for component in components:
        title = component.name + (f" ({component.version})" if component.version else "")
        if component.problem:
            console.print(escape(f"{title}: {component.problem}\n"), soft_wrap=True)
            continue
        table = Table("", "value", "default", "unit", "", box=None, title=escape(title), title_justify="left")
        for setting in component.settings:
            mark = "[bold]*[/bold] " if setting.is_changed else "  "
            cells = (_text(setting.value), _text(setting.default), setting.unit, setting.description)
            table.add_row(mark + escape(setting.name), *map(escape, cells))
        console.print(table)
        console.print()
    if any(setting.is_changed for component in components for setting in component.settings):
        console.print("* differs from its default")


def _text(value: Any) -> str:
    """A value as people write it: lists by commas."""
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
