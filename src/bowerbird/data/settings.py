"""The settings of a store, in its file `bowerbird.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from bowerbird.config import setting
from bowerbird.data.files.records import record_from
from bowerbird.data.language_model import LanguageModelSettings
from bowerbird.data.logs.opening import IN_FOLDER
from bowerbird.errors import InputError, StoreError

LAYOUT_VERSION = 1
SETTINGS_FILE = "bowerbird.toml"
DEFAULT_SETTINGS = f"""\
# Settings of this bowerbird store; `bowerbird config show STORE` lists and describes all of them.
layout_version = {LAYOUT_VERSION}

# Where the event log lives: "{IN_FOLDER}", this folder's events/, or a server that several machines share:
# "postgres://user@host/database" or "redis://host:6379/0".
events = "{IN_FOLDER}"

[prices]
# What a machine hour costs you, in currency_name; `bowerbird bench` turns seconds into money with it.
machine_hour = 0.20
currency_name = "USD"

[taste]
# Half-life of an interest, in days, at three time-scales: a session, a week, a season.
half_life_days = [0.02, 7.0, 90.0]

[language_model]
# Who writes the assistant's replies: "template", "graft" (the grafted model), or "endpoint": any
# OpenAI-compatible API, for example url = "https://api.openai.com/v1", model = "...",
# key = "env:OPENAI_API_KEY" (the environment variable that holds the key).
writer = "template"
# What runs the grafted model: "embedded", this process, or "vllm", a server at engine_url.
engine = "embedded"
"""


@dataclass(frozen=True)
class PriceSettings:
    """What computing costs."""

    machine_hour: float = setting(0.20, "Price of a machine hour, for `bowerbird bench`", "currency_name")
    currency_name: str = setting("USD", "Currency of the price")


@dataclass(frozen=True)
class TasteSettings:
    """How interests decay."""

    half_life_days: tuple[float, ...] = setting(
        (0.02, 7.0, 90.0), "Half-lives of an interest, from the shortest: a session, a week, a season", "days"
    )


@dataclass(frozen=True)
class Settings:
    """The settings of `bowerbird.toml`; a section of the file is a nested record."""

    layout_version: int = setting(LAYOUT_VERSION, "Version of the store's layout; do not change it")
    events: str = setting(IN_FOLDER, "Where the event log lives, see `logs.opening.open_log`", secret=True)
    prices: PriceSettings = PriceSettings()
    taste: TasteSettings = TasteSettings()
    language_model: LanguageModelSettings = LanguageModelSettings()  # noqa: RUF009 (frozen)


def read_settings(store: Path) -> Settings:
    """Read a store's settings.

    Raises `StoreError` where there is no store, the file is broken, a setting is unknown or invalid, or the
    store has another layout version.
    """
    path = store / SETTINGS_FILE
    try:
        raw = tomllib.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"there is no store at {store}: create one with `bowerbird import LAYOUT PATH --store {store}`"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} can't be read ({error}): repair or restore it") from None
    if (layout := raw.get("layout_version")) != LAYOUT_VERSION:
        raise StoreError(
            f"the store {store} has layout version {layout!r}, this bowerbird reads version "
            f"{LAYOUT_VERSION}: install the bowerbird that made it, or import your data into a new folder"
        )
    try:
        settings = record_from(raw, Settings, str(path))
    except InputError as error:
        raise StoreError(f"{error}: correct the setting") from None
    half_lives = settings.taste.half_life_days
    if not half_lives or min(half_lives) <= 0:
        raise StoreError(f"{path}: half_life_days is {list(half_lives)}, expected numbers above 0")
    return settings
