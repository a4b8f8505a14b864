"""Several threads may be the first to use a model; each attempt has its own process, as it can only happen
once."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, threading
import numpy as np, openvino as ov
import openvino.opset13 as ops
from bowerbird.models.openvino_threads import create_first_request

inputs = ops.parameter([1, 4], np.float32)
compiled = ov.Core().compile_model(ov.Model([ops.relu(inputs)], [inputs]), "CPU", {"NUM_STREAMS": 2})
create_first_request(compiled)
barrier = threading.Barrier(4)

def infer():
    request = compiled.create_infer_request()
    barrier.wait()
    request.infer([np.ones((1, 4), np.float32)])

threads = [threading.Thread(target=infer) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("answered", flush=True)
"""


def test_threads_that_use_a_model_first_do_not_deadlock() -> None:
    """Without the first access, about one attempt in three deadlocked, on an idle and on a busy machine."""
    pytest.importorskip("openvino")
    processes = [subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE) for _ in range(4)]
    try:
        assert [process.communicate(timeout=120)[0].strip() for process in processes] == [b"answered"] * 4
    finally:
        for process in processes:
            process.kill()
