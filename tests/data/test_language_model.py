"""The settings `[language_model]`: typed, with clear errors, and without a secret in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bowerbird.data.files.records import record_from
from bowerbird.data.settings import SETTINGS_FILE, LanguageModelSettings, Settings
from bowerbird.data.store import Store
from bowerbird.errors import InputError, StoreError


def test_a_new_store_writes_by_templates(tmp_path: Path) -> None:
    assert Store.create(tmp_path / "store").settings.language_model == LanguageModelSettings()


def test_an_older_store_has_no_language_model(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text("layout_version = 1\n")
    assert Store.open(tmp_path).settings.language_model.writer == "template"


def test_settings_are_read(tmp_path: Path) -> None:
    table = (
        'writer = "endpoint"\nurl = "https://llm.example/v1"\nmodel = "small"\nkey = "env:KEY"\ntimeout_s = 5'
    )
    (tmp_path / SETTINGS_FILE).write_text(f"layout_version = 1\n[language_model]\n{table}\n")
    settings = Store.open(tmp_path).settings.language_model
    assert (settings.writer, settings.model, settings.timeout_s) == ("endpoint", "small", 5.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"writer": "poet"}, "writer"),
        ({"writer": "endpoint"}, "needs url and model"),
        ({"engine": "vllm"}, "engine_url"),
        ({"url": "ftp://x"}, "not an HTTP address"),
        ({"url": "http://user:secret@x"}, "password"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": "soon"}, "timeout_s"),
        ({"input_price": -1}, "input_price"),
        ({"modle": "x"}, "modle"),
        ("gpt", "language_model"),
    ],
)
def test_a_wrong_setting_is_named(table: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        record_from({"language_model": table}, Settings, "bowerbird.toml")


@pytest.mark.parametrize("key", ["sk-secret", "env:sk-secret", "env:", 7, ["sk-secret"]])
def test_a_key_in_the_file_is_rejected_and_not_repeated(tmp_path: Path, key: Any) -> None:
    (tmp_path / SETTINGS_FILE).write_text(f"layout_version = 1\n[language_model]\nkey = {key!r}\n")
    with pytest.raises(StoreError, match=r"environment variable|`str`") as caught:
        Store.open(tmp_path)
    assert "secret" not in str(caught.value)


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_LLM_KEY", raising=False)
    with pytest.raises(InputError, match="SHOP_LLM_KEY"):
        LanguageModelSettings(key="env:SHOP_LLM_KEY").read_key()
    monkeypatch.setenv("SHOP_LLM_KEY", "sk-1")
    assert LanguageModelSettings(key="env:SHOP_LLM_KEY").read_key() == "sk-1"
