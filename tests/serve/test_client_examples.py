"""The examples of `docs/how-to/clients.md` run as they stand, against a real server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "clients.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(example: str, address: str) -> None:
    code = example.replace("http://127.0.0.1:8080", address)
    exec(compile(code, str(PAGE), "exec"), {"__name__": "example"})
