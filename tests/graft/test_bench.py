import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.store import Store
from bowerbird.errors import InputError, StoreError
from bowerbird.graft.base import Base
from bowerbird.graft.bench import ARMS, ArmResult, BenchResult, bench_graft, measure, subject_of
from bowerbird.graft.bench_request import BenchRequest
from bowerbird.graft.connector import Connector


def coarse_eyes(pictures: Sequence[bytes]) -> np.ndarray:
    """Mean colour of each cell of a 7 × 7 grid, (pictures, 49, 3)."""
    from io import BytesIO

    rows = [np.asarray(Image.open(BytesIO(one)).resize((7, 7)), np.float32) for one in pictures]
    return np.stack(rows).reshape(len(pictures), 49, 3) / 255


@pytest.fixture(scope="module")
def request_of_three(tiny_base: Path) -> BenchRequest:
    base = Base.load(str(tiny_base))
    subject = subject_of(None, 3)
    torch.manual_seed(0)
    return BenchRequest(base, Connector(subject.vectors.shape[1], base.hidden), coarse_eyes, subject)


def test_a_picture_takes_49_tokens_and_an_item_one(request_of_three: BenchRequest) -> None:
    request_of_three.see()
    lengths = {arm: len(request_of_three.embedded(arm)) for arm in ARMS}
    assert lengths["pixels"] == lengths["cached cells"] == lengths["graft"] + 3 * 48


def test_cached_cells_are_the_pixels_cells(request_of_three: BenchRequest) -> None:
    pixels = request_of_three.embedded("pixels")
    assert torch.equal(pixels, request_of_three.embedded("cached cells"))
    assert pixels.std() > 0


def test_every_arm_runs_once_a_round_and_the_first_token_comes_before_the_last(
    request_of_three: BenchRequest,
) -> None:
    runs = measure(request_of_three, rounds=2, new_tokens=5)
    assert {arm: len(some) for arm, some in runs.items()} == dict.fromkeys(ARMS, 2)
    assert all(0 < first < last for some in runs.values() for _, first, last in some)


def test_ratios_are_medians_of_each_rounds_own() -> None:
    slow = ArmResult("pixels", 9, (4.0, 30.0, 8.0), (8.0, 40.0, 10.0), None, 0.0)
    ours = ArmResult("graft", 3, (1.0, 10.0, 1.0), (4.0, 20.0, 2.0), None, 0.0)
    result = BenchResult("base", 1, 3, 1, "here", 1, 0.2, "USD", (slow, ours))
    assert result.ratios("pixels") == (4.0, 2.0)
    assert result.as_dict()["times_the_graft"] == {"pixels": {"first_token": 4.0, "end_to_end": 2.0}}


def test_no_items_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        bench_graft(None, n_items=0)


def test_graft_trains_and_exports_from_the_command_line(
    fresh_store: Store, tiny_base: Path, tmp_path: Path
) -> None:
    run = CliRunner()
    arguments = ["graft", str(fresh_store.path), "--base", str(tiny_base), "--steps", "2", "--json"]
    trained = run.invoke(app, arguments)
    assert trained.exit_code == 0, trained.output
    said = json.loads(trained.stdout)
    assert said["alignment_steps"] == 2
    assert said["version"] == fresh_store.current("graft").name  # type: ignore[union-attr]
    out = tmp_path / "out"
    exported = run.invoke(app, ["graft", "export", str(fresh_store.path), "--to", str(out), "--json"])
    assert exported.exit_code == 0, exported.output
    assert set(json.loads(exported.stdout)["files"]) == {
        str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()
    }


def test_graft_of_no_store_says_so(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["graft", str(tmp_path / "nowhere")])
    assert isinstance(refused.exception, StoreError)
    assert "bowerbird import" in str(refused.exception)
