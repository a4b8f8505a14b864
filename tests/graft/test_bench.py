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
from bowerbird.graft.bench import ARMS, ArmResult, BenchResult, bench_graft, load_bench_items, measure
from bowerbird.graft.bench_request import BenchRequest
from bowerbird.graft.connector import Connector


def mean_colour_encoder(pictures: Sequence[bytes]) -> np.ndarray:
    """Mean colour of each cell of a 7 × 7 grid, (pictures, 49, 3)."""
    from io import BytesIO

    grids = [np.asarray(Image.open(BytesIO(picture)).resize((7, 7)), np.float32) for picture in pictures]
    return np.stack(grids).reshape(len(pictures), 49, 3) / 255


@pytest.fixture(scope="module")
def request_of_three(tiny_base: Path) -> BenchRequest:
    base = Base.load(str(tiny_base))
    bench_items = load_bench_items(None, 3)
    torch.manual_seed(0)
    return BenchRequest(
        base, Connector(bench_items.vectors.shape[1], base.hidden), mean_colour_encoder, bench_items
    )


def test_a_picture_takes_49_tokens_and_an_item_one(request_of_three: BenchRequest) -> None:
    request_of_three.encode_images()
    lengths = {arm: len(request_of_three.embed_prompt(arm)) for arm in ARMS}
    assert lengths["pixels"] == lengths["cached cells"] == lengths["graft"] + 3 * 48


def test_cached_cells_are_the_pixels_cells(request_of_three: BenchRequest) -> None:
    pixels = request_of_three.embed_prompt("pixels")
    assert torch.equal(pixels, request_of_three.embed_prompt("cached cells"))
    assert pixels.std() > 0


def test_every_arm_runs_once_a_round_and_the_first_token_comes_before_the_last(
    request_of_three: BenchRequest,
) -> None:
    runs = measure(request_of_three, rounds=2, new_tokens=5)
    assert {arm: len(measured) for arm, measured in runs.items()} == dict.fromkeys(ARMS, 2)
    assert all(0 < first < last for measured in runs.values() for _, first, last in measured)


def test_ratios_are_medians_of_each_rounds_own() -> None:
    slow = ArmResult("pixels", 9, (4.0, 30.0, 8.0), (8.0, 40.0, 10.0), None, 0.0)
    graft_arm = ArmResult("graft", 3, (1.0, 10.0, 1.0), (4.0, 20.0, 2.0), None, 0.0)
    result = BenchResult("base", 1, 3, 1, "here", 1, 0.2, "USD", (slow, graft_arm))
    assert result.ratios("pixels") == (4.0, 2.0)
    assert result.as_dict()["times_the_graft"] == {"pixels": {"first_token": 4.0, "end_to_end": 2.0}}


def test_no_items_are_rejected() -> None:
    with pytest.raises(InputError, match="at least 1"):
        bench_graft(None, n_items=0)


@pytest.mark.slow
def test_graft_trains_and_exports_from_the_command_line(
    fresh_store: Store, tiny_base: Path, tmp_path: Path
) -> None:
    runner = CliRunner()
    arguments = ["graft", str(fresh_store.path), "--base", str(tiny_base), "--steps", "2", "--json"]
    trained = runner.invoke(app, arguments)
    assert trained.exit_code == 0, trained.output
    report = json.loads(trained.stdout)
    assert report["alignment_steps"] == 2
    assert report["version"] == fresh_store.current("graft").name  # type: ignore[union-attr]
    export_folder = tmp_path / "out"
    exported = runner.invoke(
        app, ["graft", "export", str(fresh_store.path), "--to", str(export_folder), "--json"]
    )
    assert exported.exit_code == 0, exported.output
    assert set(json.loads(exported.stdout)["files"]) == {
        str(path.relative_to(export_folder)) for path in export_folder.rglob("*") if path.is_file()
    }


def test_graft_of_a_missing_store_names_the_import(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["graft", str(tmp_path / "nowhere")])
    assert isinstance(result.exception, StoreError)
    assert "bowerbird import" in str(result.exception)
