"""Settings of the language model: who writes the assistant's replies, and where the model runs.

The table `[language_model]` of a store's `bowerbird.toml`. A key is named, never written there: a store is
copied and backed up.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from bowerbird.config import setting
from bowerbird.errors import InputError

KEY_FROM_ENVIRONMENT = "env:"

WriterName = Literal["template", "graft", "endpoint"]
EngineName = Literal["embedded", "vllm"]


@dataclass(frozen=True)
class LanguageModelSettings:
    """Who writes the assistant's replies, and where the language model runs."""

    writer: WriterName = setting(
        "template", 'Who writes replies: "template", "graft" (the grafted model) or "endpoint" (`url`)'
    )
    engine: EngineName = setting(
        "embedded", 'What runs the grafted model: "embedded" (this process) or "vllm" (`engine_url`)'
    )
    engine_url: str = setting("", "Address of the vLLM server, such as http://127.0.0.1:8000")
    url: str = setting("", "Address of an OpenAI-compatible API, such as https://api.openai.com/v1")
    model: str = setting("", "Name of the model at `url`")
    key: str = setting("", 'API key: "env:NAME", the environment variable that holds it; empty for none')
    connect_timeout_s: float = setting(3.0, "Longest wait for a connection to a server", "seconds")
    timeout_s: float = setting(
        20.0, "Longest time for one answer of the endpoint, retries included", "seconds"
    )
    pause_s: float = setting(30.0, "After a failed answer the endpoint is not asked again for", "seconds")
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
