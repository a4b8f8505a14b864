"""The settings of a store, in its file `bowerbird.toml`.

`[language_model]` names the environment variable of a key, not the key: stores are copied and backed up.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from bowerbird.config import setting
from bowerbird.data.files.records import record_from
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


KEY_FROM_ENVIRONMENT = "env:"

WriterName = Literal["template", "graft", "endpoint"]
EngineName = Literal["embedded", "vllm"]
UnderstandingName = Literal["classifier", "graft", "endpoint"]


@dataclass(frozen=True)
class LanguageModelSettings:
    """Who writes the assistant's replies, and where the language model runs."""

    writer: WriterName = setting(
        "template", 'Who writes replies: "template", "graft" (the grafted model) or "endpoint" (`url`)'
    )
    engine: EngineName = setting(
        "embedded", 'What runs the grafted model: "embedded" (this process) or "vllm" (`engine_url`)'
    )
    understanding: UnderstandingName = setting(
        "endpoint",
        'Who reads messages of which rules and classifier are unsure: "endpoint" (where there is a `url`), '
        '"graft", or nobody else: "classifier"',
    )
    engine_url: str = setting("", "Address of the vLLM server, such as http://127.0.0.1:8000")
    url: str = setting("", "Address of an OpenAI-compatible API, such as https://api.openai.com/v1")
    model: str = setting("", "Name of the model at `url`")
    key: str = setting("", 'API key: "env:NAME", the environment variable that holds it; empty for none')
    connect_timeout_s: float = setting(3.0, "Longest wait for a connection to a server", "seconds")
    timeout_s: float = setting(20.0, "Longest time for one answer of a server, retries included", "seconds")
    pause_s: float = setting(30.0, "After a failed answer a server is not asked again for", "seconds")
    max_tokens: int = setting(400, "Longest answer of the endpoint", "tokens")
    input_price: float = setting(0.0, "Price of a million prompt tokens", "the store's currency")
    output_price: float = setting(0.0, "Price of a million generated tokens", "the store's currency")

    def __post_init__(self) -> None:
        """Raises `InputError` for a setting that contradicts another one or can't be used."""
        for name in ("url", "engine_url"):
            _check_address(name, getattr(self, name))
        if self.writer == "endpoint" and not (self.url and self.model):
            raise InputError('writer = "endpoint" needs url and model')
        if self.engine == "vllm" and not self.engine_url:
            raise InputError('engine = "vllm" needs engine_url, such as "http://127.0.0.1:8000"')
        if self.key and not self.key.removeprefix(KEY_FROM_ENVIRONMENT).isidentifier():
            _reject_key()
        if self.key and not self.key.startswith(KEY_FROM_ENVIRONMENT):
            _reject_key()
        for name in ("connect_timeout_s", "timeout_s", "max_tokens"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}, expected a number above 0")
        for name in ("pause_s", "input_price", "output_price"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} is {getattr(self, name)}, expected 0 or more")

    def read_key(self) -> str:
        """The API key from the environment; empty where no key is named. Raises `InputError` without one."""
        if not self.key:
            return ""
        name = self.key.removeprefix(KEY_FROM_ENVIRONMENT)
        key = os.environ.get(name, "").strip()
        if not key:
            raise InputError(f"the environment variable {name}, named by key in [language_model], is not set")
        return key


def _check_address(name: str, url: str) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise InputError(f"{name} is not an HTTP address: give one such as http://127.0.0.1:8000/v1")
    if parts.username or parts.password:
        raise InputError(f"{name} holds a user name or password: name the key by `key` instead")


def _reject_key() -> None:
    # The value is not repeated: it may be the secret itself.
    raise InputError('key must name an environment variable: key = "env:OPENAI_API_KEY"')


@dataclass(frozen=True)
class PriceSettings:
    """What computing costs."""

    machine_hour: float = setting(0.20, "Price of a machine hour, for `bowerbird bench`", "currency_name")
    currency_name: str = setting("USD", "Currency of the price")


@dataclass(frozen=True)
class PictureSettings:
    """How `bowerbird pictures fetch` asks for pictures."""

    allowed_hosts: tuple[str, ...] = setting(
        (), "Hosts, and their sub-domains, that pictures come from; empty: any public one"
    )
    private_hosts: tuple[str, ...] = setting(
        (), "Hosts that may have a private or loopback address, such as an internal server of pictures"
    )
    connections_per_host: int = setting(4, "Pictures that one host is asked for at a time", "pictures")
    max_megabytes: float = setting(20.0, "Largest file of a picture", "MB")
    timeout_s: float = setting(30.0, "Longest time for one picture, redirects included", "seconds")

    def __post_init__(self) -> None:
        """Raises `InputError` for a setting that can't be used."""
        for name in ("connections_per_host", "max_megabytes", "timeout_s"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}, expected a number above 0")


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
    language_model: LanguageModelSettings = LanguageModelSettings()
    pictures: PictureSettings = PictureSettings()


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
