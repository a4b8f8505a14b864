"""Safe first use of an OpenVINO model by several threads."""

from __future__ import annotations

from typing import Any


def create_first_request(compiled: Any) -> Any:
    """Create the first request of a compiled model; afterwards any thread may create and read requests.

    If two threads are the first to access a tensor, they can deadlock: OpenVINO's binding initialises numpy's
    interface under a lock that it holds while it releases the interpreter's. So the thread that opens a model
    accesses one tensor first.
    """
    request = compiled.create_infer_request()
    if compiled.inputs:
        request.get_input_tensor(0).data.any()
    return request
