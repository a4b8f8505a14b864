"""A vLLM server on loopback: started from another environment, stopped by its process id."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType

START = 600.0
"""Seconds that a server may take until it is healthy: on a busy machine, importing alone takes a minute."""


class VllmServer:
    """Serves a decoder's folder while a `with` block runs."""

    def __init__(self, python: Path, model: Path, log: Path) -> None:
        """`python` of the environment with vLLM; the server's output goes to `log`."""
        self.log = log
        self._command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
        self._command += ["--enable-prompt-embeds", "--dtype", "float32", "--enforce-eager"]
        self._command += ["--max-model-len", "2048", "--host", "127.0.0.1"]

    def __enter__(self) -> VllmServer:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        settings = {
            "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads would starve other processes
            "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C reaches this process alone, which then stops the server in order.
            self._process = subprocess.Popen(
                [*self._command, "--port", str(port)],
                env={**os.environ, **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait(self) -> None:
        until = time.monotonic() + START
        while not self.healthy():
            if self._process.poll() is not None or time.monotonic() > until:
                end = "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
                raise SystemExit(f"{end}\nthe engine did not start: {self.log} says why")
            time.sleep(1)

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def count_completions(self) -> int:
        """Count the completion requests that reached the server, valid or not."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:
            metrics = answer.read().decode()
        counts = re.findall(r'^http_requests_total\{handler="/v1/completions".*\} (\S+)$', metrics, re.M)
        if not counts:  # after a first request there is a count, unless vLLM has renamed the metric
            raise RuntimeError(f"{self.url}/metrics does not count requests to /v1/completions")
        return int(sum(map(float, counts)))

    def stop(self) -> None:
        """Stop the server in order; kill its processes after 30 seconds."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
        self.kill()

    def kill(self) -> None:
        """Kill the server and the engine's processes under it immediately, as a machine failure would."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
