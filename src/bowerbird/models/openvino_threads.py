"""OpenVINO asked by several threads at once."""

from __future__ import annotations

from typing import Any


def first_request(compiled: Any) -> Any:
    """The first request of a compiled model, after which any thread may make others and look into them.

    Where two threads are the first to look into a tensor, each can wait for the other forever: OpenVINO's
    binding initialises numpy's interface under a lock that is held while the interpreter's is given up.
    So whoever opens a model looks into one tensor first.
    """
    request = compiled.create_infer_request()
    if compiled.inputs:
        request.get_input_tensor(0).data.any()
    return request
