"""What a collector of OpenTelemetry traces gets of a server: a span for each stage, and nothing of users."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scripted_endpoint import answer, scripted_endpoint
from tool_calling_model import store_with_endpoint

USER, WORDS = "secret/user", "brightly coloured lamp"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
pytestmark = pytest.mark.slow


@contextlib.contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a collector on a free port, and the OTLP requests that it got."""
    requests: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(
                gzip.decompress(content) if self.headers["Content-Encoding"] == "gzip" else content
            )
            reply = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def requests(serve_process: Any, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What a collector got of a server until it ended."""
    reply = "The lamp [1] is red."
    with scripted_endpoint([answer(reply)]) as endpoint, collector() as (address, received):
        store = store_with_endpoint(tmp_path_factory.mktemp("traced") / "store", endpoint.url)
        with (
            serve_process(store.path, "--traces-to", address) as (url, _),
            httpx.Client(base_url=url) as client,
        ):
            use(client)
        return received


def use(client: httpx.Client) -> None:
    """Requests that name a user and words wherever a request can."""
    path = f"/users/{USER.replace('/', '%2F')}/recommendations"
    caller = {"traceparent": f"00-{TRACE}-{PARENT}-01", "baggage": f"user={USER}", "X-User": USER}
    assert client.get(path, params={"n": 3}, headers=caller, timeout=60).status_code == 200
    assert client.head("/items/i1", timeout=60).status_code == 200
    assert client.get("/search", params={"item": WORDS}, timeout=60).status_code == 404
    body = {"messages": [{"role": "user", "content": WORDS}], "user": USER, "stream": True}
    body["bowerbird"] = {"conversation": f"of {USER}"}
    with client.stream("POST", "/v1/chat/completions", json=body, timeout=60) as stream:
        assert b"[DONE]" in stream.read()


@pytest.fixture(scope="module")
def spans(requests: list[bytes]) -> list[Span]:
    exports = [ExportTraceServiceRequest.FromString(content) for content in requests]
    resources = [each for export in exports for each in export.resource_spans]
    names = {(attribute.key, attribute.value.string_value)
             for each in resources for attribute in each.resource.attributes}  # fmt: skip
    assert ("service.name", "bowerbird") in names
    return [span for each in resources for scope in each.scope_spans for span in scope.spans]


def attributes(span: Span) -> dict[str, Any]:
    values = {attribute.key: attribute.value for attribute in span.attributes}
    return {name: getattr(value, value.WhichOneof("value") or "") for name, value in values.items()}


def the_span(spans: list[Span], name: str) -> Span:
    (span,) = [span for span in spans if span.name == name]
    return span


def test_a_request_is_a_span_of_the_callers_trace(spans: list[Span]) -> None:
    request = the_span(spans, "GET /users/{user:id}/recommendations")
    assert request.kind == Span.SPAN_KIND_SERVER
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert attributes(request) == {
        "http.request.method": "GET",
        "http.route": "/users/{user:id}/recommendations",
        "http.response.status_code": 200,
    }
    assert attributes(the_span(spans, "HEAD /items/{item_id:item}"))["http.response.status_code"] == 200


def test_a_list_has_spans_of_its_stages(spans: list[Span]) -> None:
    request = the_span(spans, "GET /users/{user:id}/recommendations")
    stages = [span for span in spans if span.parent_span_id == request.span_id]
    names = [span.name for span in sorted(stages, key=lambda span: span.start_time_unix_nano)]
    assert names == ["candidates: prepare", "candidates: collect", "ranking", "explanation"]
    for span in stages:
        assert request.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= request.end_time_unix_nano


def test_a_turn_has_spans_of_its_stages_and_its_model(spans: list[Span]) -> None:
    turn = the_span(spans, "invoke_agent bowerbird")
    assert turn.parent_span_id == the_span(spans, "POST /v1/chat/completions").span_id
    stages = {span.name: span for span in spans if span.parent_span_id == turn.span_id}
    assert [*stages] == ["understanding", "finding", "writing"]
    call = the_span(spans, "chat tiny")
    assert call.parent_span_id == stages["writing"].span_id and call.kind == Span.SPAN_KIND_CLIENT
    counts = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}
    assert attributes(call) == counts | {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "tiny",
    }
    assert attributes(turn) == counts | {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "bowerbird",
        "gen_ai.agent.name": "bowerbird",
    }


def test_nothing_of_users_is_exported(requests: list[bytes], tmp_path: Path) -> None:
    everything = b"".join(requests)
    assert b"invoke_agent" in everything
    for secret in ("secret", "coloured", "The lamp", "127.0.0.1:", str(tmp_path.parent)):
        assert secret.encode() not in everything
