"""A web server of pictures on loopback, with everything that goes wrong on the real web."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "avif": "AVIF"}


def encoded(
    color: str = "red", size: tuple[int, int] = (8, 8), format: str = "PNG", mode: str = "RGB"
) -> bytes:
    """A picture of one colour."""
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, format)
    return buffer.getvalue()


class PictureServer(ThreadingHTTPServer):
    """Counts requests by path; `etags` are the pictures of `/etag/…`, `hold` makes `/waiting/…` wait."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: Counter[str] = Counter()
        self.times: dict[str, list[float]] = defaultdict(list)
        self.etags: dict[str, bytes] = {}
        self.hold = threading.Event()
        self.running, self.most_running = 0, 0
        self.counting = threading.Lock()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def picture_server() -> Iterator[PictureServer]:
    """A running server, closed at the end of the block."""
    server = PictureServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: PictureServer

    def do_GET(self) -> None:
        with self.server.counting:
            self.server.requests[self.path] += 1
            self.server.times[self.path].append(time.monotonic())
            self.server.running += 1
            self.server.most_running = max(self.server.most_running, self.server.running)
        try:
            route, _, rest = self.path[1:].partition("/")
            getattr(self, f"answer_{route}")(rest)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with self.server.counting:
                self.server.running -= 1

    def answer_picture(self, rest: str) -> None:
        self.send(200, encoded(format=FORMATS[rest.rpartition(".")[2]]))

    def answer_waiting(self, rest: str) -> None:
        self.server.hold.wait(20)
        self.send(200, encoded())

    def answer_status(self, rest: str) -> None:
        self.send(int(rest.partition("-")[0]), b"no")

    def answer_page(self, rest: str) -> None:
        self.send(200, b"<html>not found</html>", "text/html; charset=utf-8")

    def answer_damaged(self, rest: str) -> None:
        self.send(200, encoded("red", (200, 200))[:80])

    def answer_pixels(self, rest: str) -> None:
        self.send(200, encoded("white", (6000, 5000), mode="1"))

    def answer_huge(self, rest: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()  # without its length, as a stream that has no end
        for _ in range(10_000):
            self.wfile.write(bytes(65536))

    def answer_drip(self, rest: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        while not self.server.hold.wait(0.05):
            self.wfile.write(b"x")

    def answer_to(self, rest: str) -> None:
        self.redirect(f"http://{rest}")

    def answer_relative(self, rest: str) -> None:
        self.redirect("/picture/moved.png")

    def answer_loop(self, rest: str) -> None:
        self.redirect(f"/loop/{int(rest) + 1}")

    def answer_busy(self, rest: str) -> None:
        if self.server.requests[self.path] == 1:
            self.send(429, b"", **{"Retry-After": "1"})
        else:
            self.send(200, encoded())

    def answer_flaky(self, rest: str) -> None:
        self.send(503, b"") if self.server.requests[self.path] < 3 else self.send(200, encoded())

    def answer_etag(self, rest: str) -> None:
        picture = self.server.etags[rest]
        tag = f'"{hash(picture)}"'
        if self.headers["If-None-Match"] == tag:
            self.send(304, b"")
        else:
            self.send(200, picture, ETag=tag)

    def redirect(self, location: str) -> None:
        self.send(302, b"", Location=location)

    def send(self, status: int, body: bytes, media_type: str = "image/png", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": media_type, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
