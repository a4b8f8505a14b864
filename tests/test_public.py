"""Public names are one list, all of them exist, and importing them is cheap."""

import subprocess
import sys

import pytest

import bowerbird


@pytest.mark.parametrize("name", bowerbird.__all__)
def test_every_public_name_is_there_and_explains_itself(name: str) -> None:
    assert getattr(bowerbird, name).__doc__, f"{name} has no docstring"


@pytest.mark.parametrize("heavy", ["torch", "pyarrow", "transformers", "lightgbm"])
def test_importing_bowerbird_loads_nothing_heavy(heavy: str) -> None:
    subprocess.run(
        [sys.executable, "-c", f"import bowerbird, sys; assert '{heavy}' not in sys.modules"], check=True
    )


def test_the_command_line_loads_no_library_before_a_command_runs() -> None:
    heavy = "{'numpy', 'pyarrow', 'scipy', 'numba', 'torch', 'msgspec'}"
    code = f"from bowerbird.cli.main import app; import sys; assert not {heavy} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_client_loads_nothing_of_the_server() -> None:
    """It takes the bodies of answers from there, which need pydantic only."""
    heavy = "{'torch', 'fastapi', 'starlette', 'numpy', 'pyarrow', 'msgspec', 'openai'}"
    code = (
        f"import bowerbird.client, sys; assert not {heavy} & sys.modules.keys(), {heavy} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
