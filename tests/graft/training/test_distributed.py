"""Several processes train one graft: `accelerate launch` with two processes on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bowerbird.data.store import Store
from bowerbird.graft.model import Graft


@pytest.mark.slow
def test_two_processes_train_and_publish_one_graft(fresh_store: Store, tiny_base: Path) -> None:
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launch += ["--main_process_port", "0", "-m", "bowerbird"]
    train = ["graft", str(fresh_store.path), "--base", str(tiny_base), "--steps", "4", "--json"]
    run = subprocess.run(
        [*launch, *train],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert len([path for path in (fresh_store.path / "graft").iterdir() if path.name[0] != "."]) == 1
    version = Store.open(fresh_store.path).current("graft")
    assert version is not None
    assert version.meta["alignment_steps"] == 4
    assert Graft.open(Store.open(fresh_store.path).snapshot()).version == version
    assert json.loads(run.stdout)["version"] == version.name, "only one process prints"
