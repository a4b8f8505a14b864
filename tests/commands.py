"""The command line without a process of its own: starting one takes seconds of a slow core."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from unittest import mock

from bowerbird.cli.main import main


@dataclass(frozen=True)
class CommandResult:
    """What a process would have left."""

    returncode: int
    stdout: str
    stderr: str


def run_command(*arguments: object, messages: str = "") -> CommandResult:
    """Run `bowerbird` with arguments, and `messages` on its standard input, as over a pipe."""
    output, errors = _Pipe(), _Pipe()
    with (
        mock.patch.object(sys, "argv", ["bowerbird", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", _Pipe(messages)),
        mock.patch.dict(os.environ, COLUMNS="200"),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return CommandResult(code, output.text, errors.text)


class _Pipe(io.TextIOWrapper):
    """Text in memory, with the bytes below it."""

    def __init__(self, content: str = "") -> None:
        self._bytes = io.BytesIO(content.encode())
        super().__init__(self._bytes, encoding="utf-8", write_through=True)

    @property
    def text(self) -> str:
        return self._bytes.getvalue().decode()
