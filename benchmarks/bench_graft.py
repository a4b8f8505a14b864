"""What do item vectors save against pictures, on the real Qwen3-VL-2B configuration?

    python benchmarks/bench_graft.py [--rounds 5] [--workloads 0,1,2] [--weights FOLDER]
                                     [--parts latency,saturation,memory] [--reply 16]

The weights are random, in bfloat16: latency does not depend on their values. One request is 200 tokens that
all requests share, N pictures, 100 tokens of the request's own, and a reply of 64 tokens. Arms:

- `pixels`: the stock model: JPEG decoded, cut into patches, tower, prefill;
- `cached tower`: the stock model, the tower's tokens and DeepStack features computed beforehand;
- `pixels 224`: the stock model at 224 × 224 (49 tokens a picture);
- `text`: 40 words' tokens an item;
- `ours`: the decoder alone, one soft token an item, from its vector.

All arms run the same decoder weights in one process and alternate in every round. `pixels` is the sum of its
eyes (decode, patches, tower) and of the prefill that it shares with `cached tower`, both taken in the same
round; with the shared beginning cached, in the two larger workloads, it is the whole prefill less the time
that the shared tokens take alone. End to end is the first token and 64 times the seconds a token, taken over
`--reply` tokens, whose keys and values are written into room kept for them (a cache that is copied at every
token would punish the long prompts). Prints tables and ends in one JSON line.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor
from transformers import DynamicCache, Qwen3VLForConditionalGeneration
from transformers.cache_utils import DynamicLayer
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from bowerbird.graft.connector import Connector
from bowerbird.graft.runtimes.eager import fork
from bowerbird.graft.surgery.decoder import load_text_decoder
from qwen3_vl_2b import write

SHARED, OWN, REPLY, TEXT_TOKENS, DIM = 200, 100, 64, 40, 256
ARMS = ("pixels", "cached tower", "pixels 224", "text", "ours")
CONCURRENT = 8
MACHINE_HOUR = 0.20
"""Price of a machine hour, in dollars, for the cost per 1,000 turns: yours differs, the ratios do not."""


@dataclass(frozen=True)
class Workload:
    pictures: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.pictures} x {self.width}x{self.height}"


WORKLOADS = (Workload(10, 512, 512), Workload(20, 512, 512), Workload(10, 736, 1104))


class Eyes:
    """What the stock model does before its language model begins."""

    def __init__(self, model: Any, workload: Workload, side: int | None = None) -> None:
        self.model, self.workload = model, workload
        size = {"shortest_edge": 65_536, "longest_edge": 16_777_216}
        if side is not None:
            size = {"shortest_edge": side * side, "longest_edge": side * side}
        half = [0.5] * 3
        self.processor = Qwen2VLImageProcessorPil(patch_size=16, image_mean=half, image_std=half, size=size)
        self.pictures = [jpeg(workload, seed) for seed in range(workload.pictures)]

    def patches(self) -> tuple[Tensor, Tensor]:
        """Pixel values (patches, 1536) and grids (pictures, 3)."""
        images = [Image.open(io.BytesIO(one)).convert("RGB") for one in self.pictures]
        made = self.processor(images=images, return_tensors="pt")
        return made["pixel_values"], made["image_grid_thw"]

    def see(self) -> tuple[Any, Tensor]:
        """The tower's answer, flat, and the grids."""
        values, grid = self.patches()
        return self.model.model.visual(values.to(torch.bfloat16), grid_thw=grid, return_dict=True), grid


def jpeg(workload: Workload, seed: int) -> bytes:
    """A drawn picture with as much detail as to give a JPEG of a photo's size."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (workload.height // 8, workload.width // 8, 3), np.uint8))
    out = io.BytesIO()
    coarse.resize((workload.width, workload.height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


class Room(DynamicLayer):
    """Keys and values of one layer with room for a reply: nothing is copied when a token is added."""

    def __init__(self, keys: Tensor, values: Tensor, batch: int, tokens: int) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        _, heads, self.length, width = keys.shape
        self.room = [keys.new_empty(batch, heads, self.length + tokens, width) for _ in range(2)]
        for whole, read in zip(self.room, (keys, values), strict=True):
            whole[:, :, : self.length] = read
        self.keys, self.values = (whole[:, :, : self.length] for whole in self.room)

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        start, self.length = self.length, self.length + keys.shape[-2]
        for whole, new in zip(self.room, (keys, values), strict=True):
            whole[:, :, start : self.length] = new
        self.keys, self.values = (whole[:, :, : self.length] for whole in self.room)
        return self.keys, self.values


def roomy(cache: DynamicCache, batch: int, tokens: int) -> DynamicCache:
    """What was read, once for each of `batch` rows, with room for `tokens` more; empties `cache`."""
    made = DynamicCache()
    for layer in cache.layers:
        made.layers.append(Room(layer.keys, layer.values, batch, tokens))
        layer.reset()
    return made


class Bench:
    """The stock model and its decoder on the same weights."""

    def __init__(self, stock: Any, decoder: Any) -> None:
        self.stock, self.decoder = stock, decoder
        torch.manual_seed(0)
        self.connector = Connector(DIM, decoder.config.hidden_size, 1.0).eval()
        chance = torch.Generator().manual_seed(1)
        self.shared = torch.randint(0, 150_000, (SHARED,), generator=chance)
        self.own = torch.randint(0, 150_000, (OWN,), generator=chance)
        self.words = torch.randint(0, 150_000, (20, TEXT_TOKENS), generator=chance)
        self.vectors = torch.nn.functional.normalize(torch.randn(20, DIM, generator=chance), dim=-1)
        self.prefix = self.read_shared()

    def embedded(self, ids: Tensor) -> Tensor:
        embedded: Tensor = self.decoder.get_input_embeddings()(ids)
        return embedded

    def read_shared(self) -> DynamicCache:
        """Keys and values of the shared beginning."""
        cache = DynamicCache()
        where = torch.arange(SHARED)[None]
        self.decoder(
            input_ids=self.shared[None],
            position_ids=where,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache

    def start(self, with_prefix: bool) -> tuple[DynamicCache, int]:
        """A cache to read into, and from which place on the prompt has to be read."""
        return (fork(self.prefix, SHARED), SHARED) if with_prefix else (DynamicCache(), 0)

    def read_stock(self, seen: Any, grid: Tensor, with_prefix: bool) -> tuple[DynamicCache, Tensor, int]:
        """Prefill of the stock model with a tower's answer: cache, logits, next position."""
        config = self.stock.config
        block = torch.tensor([config.image_token_id])
        ids, kinds = [self.shared], [torch.zeros(SHARED, dtype=torch.int64)]
        counts = (grid.prod(-1) // 4).tolist()
        for count in counts:
            ids += [torch.tensor([config.vision_start_token_id]), block.repeat(count)]
            ids += [torch.tensor([config.vision_end_token_id])]
            kinds += [torch.tensor([0]), torch.ones(count, dtype=torch.int64), torch.tensor([0])]
        ids, kinds = [*ids, self.own], [*kinds, torch.zeros(OWN, dtype=torch.int64)]
        whole, kind = torch.cat(ids)[None], torch.cat(kinds)[None]
        positions, _ = self.stock.model.get_rope_index(whole, image_grid_thw=grid, mm_token_type_ids=kind)
        split = type(seen)(
            pooler_output=torch.split(seen.pooler_output, counts),
            deepstack_features=[torch.split(level, counts) for level in seen.deepstack_features],
        )
        cache, start = self.start(with_prefix)
        output = self.stock(
            input_ids=whole[:, start:],
            position_ids=positions[:, :, start:],
            mm_encoder_outputs={"image": split},
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache, output.logits[:, -1], int(positions.max()) + 1

    def read(self, middle: Tensor, with_prefix: bool) -> tuple[DynamicCache, Tensor, int]:
        """Prefill of the decoder: shared words, `middle` (n, hidden), own words."""
        cache, start = self.start(with_prefix)
        words = [] if with_prefix else [self.embedded(self.shared)]
        embedded = torch.cat([*words, middle.to(torch.bfloat16), self.embedded(self.own)])[None]
        return self.read_on(cache, start, embedded)

    def read_on(self, cache: DynamicCache, start: int, embedded: Tensor) -> tuple[DynamicCache, Tensor, int]:
        """Prefill of `embedded` (B, n, hidden) after `start` places: cache, logits, next position."""
        length = start + embedded.shape[1]
        output = self.decoder(
            inputs_embeds=embedded,
            position_ids=torch.arange(start, length)[None],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache, output.logits[:, -1], length

    def ours(self, pictures: int) -> Tensor:
        return self.connector(self.vectors[:pictures]).reshape(-1, self.decoder.config.hidden_size)

    def write(self, cache: DynamicCache, logits: Tensor, position: int, tokens: int) -> float:
        """Seconds a token of `tokens` greedy ones, for every row of the batch at once; empties `cache`."""
        cache = roomy(cache, len(logits), tokens)
        start = time.perf_counter()
        for place in range(position, position + tokens):
            ids = logits.argmax(-1)[:, None]
            where = torch.full((len(ids), 1), place)
            logits = self.decoder(
                input_ids=ids, position_ids=where, past_key_values=cache, use_cache=True
            ).logits[:, -1]
        return (time.perf_counter() - start) / tokens


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


Seconds = dict[str, list[float]]


@torch.inference_mode()
def one_round(bench: Bench, workload: Workload, number: int, seconds: Seconds, reply: int) -> None:
    """Every arm once, in an order that turns with the rounds."""
    n = workload.pictures

    def stock(name: str, side: int | None) -> None:
        eyes = Eyes(bench.stock, workload, side)
        seconds[f"{name}: eyes"].append((seen := timed(eyes.see))[0])
        taken, read = timed(lambda: bench.read_stock(*seen[1], False))
        seconds[f"{name}: prefill"].append(taken)
        if side is None and workload != WORKLOADS[0]:
            # Minutes of prefill that differ by 200 tokens of thousands: what those take alone is taken off,
            # which flatters the stock model a little (the others still attend to them).
            taken -= timed(bench.read_shared)[0]
        else:
            taken = timed(lambda: bench.read_stock(*seen[1], True))[0]
        seconds[f"{name}: prefill, prefix cached"].append(taken)
        seconds[f"{name}: token"].append(bench.write(*read, reply))

    def plain(name: str, middle: Callable[[], Tensor]) -> None:
        for prefix in (True, False):
            taken, read = timed(lambda prefix=prefix: bench.read(middle(), prefix))
            seconds[f"{name}: prefill{', prefix cached' if prefix else ''}"].append(taken)
        seconds[f"{name}: token"].append(bench.write(*read, reply))

    arms = [
        lambda: stock("pixels", None),
        lambda: stock("pixels 224", 224),
        lambda: plain("text", lambda: bench.embedded(bench.words[:n].flatten())),
        lambda: plain("ours", lambda: bench.ours(n)),
    ]
    for k in range(len(arms)):
        arms[(k + number) % len(arms)]()


def first_token(seconds: Seconds, arm: str, prefix: bool) -> np.ndarray:
    """Seconds to the first token in each round."""
    eyes = {"pixels": "pixels", "pixels 224": "pixels 224"}.get(arm)
    reads = "pixels" if arm == "cached tower" else arm
    prefill = np.array(seconds[f"{reads}: prefill{', prefix cached' if prefix else ''}"])
    return prefill + np.array(seconds[f"{eyes}: eyes"]) if eyes else prefill


def spread(values: np.ndarray) -> dict[str, float]:
    return {"median": float(np.median(values)), "min": float(values.min()), "max": float(values.max())}


def latency(seconds: Seconds, workload: Workload) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for prefix in (False, True):
        ours = first_token(seconds, "ours", prefix)
        block: dict[str, Any] = {}
        for arm in ARMS:
            first = first_token(seconds, arm, prefix)
            token = np.array(seconds[f"{'pixels' if arm == 'cached tower' else arm}: token"])
            end = first + REPLY * token
            block[arm] = {
                "first_token_s": spread(first),
                "token_s": spread(token),
                "end_to_end_s": spread(end),
                "first_token_times_ours": spread(first / ours),
                "end_to_end_times_ours": float(
                    np.median(end / (ours + REPLY * np.array(seconds["ours: token"])))
                ),
                "dollars_per_1000_turns": float(np.median(end)) / 3600 * MACHINE_HOUR * 1000,
                "tflop": flops(workload, arm, prefix) / 1e12,
            }
        said["prefix cached" if prefix else "no prefix cache"] = block
    return said


def flops(workload: Workload, arm: str, prefix: bool) -> float:
    """Multiplications and additions up to the first token: 2 a weight and token, attention 4·T²·width a layer
    (half of it where causal), by the configuration's own sizes."""
    layers, hidden, inner, heads, kv, head = 28, 2048, 6144, 16, 8, 128
    weights = layers * (hidden * head * (2 * heads + 2 * kv) + 3 * hidden * inner)
    side = {"pixels 224": 224}.get(arm)
    patches = (side // 16) ** 2 if side else round(workload.height / 32) * round(workload.width / 32) * 4
    each = {"text": TEXT_TOKENS, "ours": 1}.get(arm, patches // 4 + 2)
    read = workload.pictures * each + OWN + (0 if prefix else SHARED)
    context = workload.pictures * each + OWN + SHARED
    total = 2 * weights * read + 2 * layers * heads * head * (context**2 - (context - read) ** 2)
    total += 2 * hidden * 151_936
    if arm.startswith("pixels"):
        depth, width, mlp = 24, 1024, 4096
        block = 4 * width * width + 2 * width * mlp
        mergers = 4 * (4 * width) * (4 * width + hidden) / 4  # four of them, each over four patches at once
        tower = 2 * patches * (depth * block + mergers + 1536 * width) + 4 * depth * patches**2 * width
        total += workload.pictures * tower
    return float(total)


@torch.inference_mode()
def saturation(bench: Bench, workload: Workload, rounds: int) -> dict[str, Any]:
    """Machine seconds a turn with 8 requests at a time, the shared beginning cached in both arms.

    Eyes and prefill keep every core busy with one request already, so the stock arm's requests go through
    them one after another, as in engines with continuous batching; ours are read as one batch; both write as
    one.
    """
    seconds: Seconds = defaultdict(list)
    for number in range(rounds):
        order = ("pixels", "ours") if number % 2 else ("ours", "pixels")
        for arm in order:
            if arm == "pixels":
                eyes = Eyes(bench.stock, workload)
                taken, (seen, grid) = timed(eyes.see)
                seconds["pixels: eyes"].append(taken)
                taken, (cache, logits, place) = timed(lambda s=seen, g=grid: bench.read_stock(s, g, True))
                seconds["pixels: prefill"].append(taken)
                rows = logits.repeat(CONCURRENT, 1)
            else:
                taken, (cache, rows, place) = timed(lambda: read_batch(bench, workload.pictures))
                seconds["ours: prefill"].append(taken / CONCURRENT)
            seconds[f"{arm}: reply"].append(bench.write(cache, rows, place, REPLY) * REPLY / CONCURRENT)
    pixels = sum(np.array(seconds[f"pixels: {part}"]) for part in ("eyes", "prefill", "reply"))
    ours = np.array(seconds["ours: prefill"]) + np.array(seconds["ours: reply"])
    return {
        "parts_s_per_turn": {name: spread(np.array(taken)) for name, taken in seconds.items()},
        "pixels_s_per_turn": spread(pixels),
        "ours_s_per_turn": spread(ours),
        "ours_share_of_pixels": spread(ours / pixels),
        "dollars_per_1000_turns": {
            "pixels": float(np.median(pixels)) / 3.6 * MACHINE_HOUR,
            "ours": float(np.median(ours)) / 3.6 * MACHINE_HOUR,
        },
    }


def read_batch(bench: Bench, pictures: int) -> tuple[DynamicCache, Tensor, int]:
    """Eight different requests after the same beginning, in one pass."""
    cache = fork(bench.prefix, SHARED)
    cache.batch_repeat_interleave(CONCURRENT)
    rows = []
    for k in range(CONCURRENT):
        soft = bench.connector(bench.vectors.roll(k, 0)[:pictures]).reshape(pictures, -1)
        rows.append(torch.cat([soft.to(torch.bfloat16), bench.embedded(bench.own.roll(k))]))
    return bench.read_on(cache, SHARED, torch.stack(rows))


def memory(weights: Path, workload: Workload) -> dict[str, float]:
    """Peak resident MiB of each arm in a process of its own that loads what it needs and answers once."""
    said = {}
    for arm in ("pixels", "ours"):
        command = [sys.executable, __file__, "--weights", str(weights), "--alone", arm]
        sizes = [str(workload.pictures), str(workload.width), str(workload.height)]
        run = subprocess.run([*command, *sizes], capture_output=True, text=True, check=True)
        said[arm] = float(run.stdout.split()[-1])
    said["ours_share"] = said["ours"] / said["pixels"]
    return said


@torch.inference_mode()
def alone(weights: Path, arm: str, workload: Workload) -> float:
    """One answer of one arm; anonymous memory counts, and so do the weights' pages mapped from the file."""
    if arm == "ours":
        bench = Bench(None, load_text_decoder(str(weights)))
        read = bench.read(bench.ours(workload.pictures), False)
    else:
        stock = Qwen3VLForConditionalGeneration.from_pretrained(weights, dtype="auto").eval()
        bench = Bench(stock, Halves(stock))
        read = bench.read_stock(*Eyes(stock, workload).see(), False)
    bench.write(*read, 8)
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


class Halves:
    """The stock model's own language model, called as a decoder."""

    def __init__(self, stock: Any) -> None:
        self.stock, self.config = stock, stock.config.text_config

    def get_input_embeddings(self) -> Any:
        return self.stock.get_input_embeddings()

    def __call__(self, **given: Any) -> Any:
        given["position_ids"] = given["position_ids"][None].expand(3, -1, -1)
        return self.stock(**given)


def load_both(weights: Path) -> Bench:
    """The stock model, and a decoder that shares its weights: alike in speed, and 3.4 GB less memory."""
    stock = Qwen3VLForConditionalGeneration.from_pretrained(weights, dtype="auto").eval()
    decoder = load_text_decoder(str(weights))
    own = {name.removeprefix("model.language_model."): value for name, value in stock.state_dict().items()}
    decoder.model.load_state_dict(
        {name: value for name, value in own.items() if not name.startswith(("model.visual", "lm_head"))},
        assign=True,
    )
    decoder.tie_weights()
    with torch.inference_mode():
        return Bench(stock, decoder)


def show(console: Console, workload: Workload, said: dict[str, Any]) -> None:
    for cached, block in said.items():
        table = Table(title=f"{workload}, {cached}")
        columns = ("arm", "TFLOP", "first token, s", "× ours", "token, s", "end to end, s", "× ours")
        for name in columns:
            table.add_column(name, justify="left" if name == "arm" else "right")
        for arm, row in block.items():
            first, ratio = row["first_token_s"], row["first_token_times_ours"]
            table.add_row(
                arm,
                f"{row['tflop']:.2f}",
                f"{first['median']:.2f} ({first['min']:.2f}–{first['max']:.2f})",
                f"{ratio['median']:.1f} ({ratio['min']:.1f}–{ratio['max']:.1f})",
                f"{row['token_s']['median']:.3f}",
                f"{row['end_to_end_s']['median']:.1f}",
                f"{row['end_to_end_times_ours']:.2f}",
            )
        console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workloads", default="0,1,2", help="which of the three, by number")
    parser.add_argument("--parts", default="latency,saturation,memory")
    parser.add_argument("--weights", type=Path, default=Path(tempfile.gettempdir()) / "qwen3-vl-2b-random")
    parser.add_argument("--reply", type=int, default=16, help="tokens by which the time a token is taken")
    parser.add_argument("--alone", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        print(alone(asked.weights, asked.alone[0], Workload(*map(int, asked.alone[1:]))))
        return
    if not (asked.weights / "config.json").exists():
        write(asked.weights)
    console, parts = Console(width=130), asked.parts.split(",")
    result: dict[str, Any] = {"weights": "random, bfloat16", "threads": torch.get_num_threads()}
    if "memory" in parts:
        result["memory_mib"] = memory(asked.weights, WORKLOADS[0])
        console.print(result["memory_mib"])
    bench = load_both(asked.weights) if {"latency", "saturation"} & set(parts) else None
    for number in map(int, asked.workloads.split(",")) if "latency" in parts else ():
        assert bench is not None
        seconds: Seconds = defaultdict(list)
        with torch.inference_mode():
            bench.read(bench.ours(1), False)  # first calls choose their kernels: not measured
        for turn in range(asked.rounds):
            one_round(bench, WORKLOADS[number], turn, seconds, asked.reply)
            console.print(f"{WORKLOADS[number]}: round {turn + 1} of {asked.rounds}", style="dim")
        said = latency(seconds, WORKLOADS[number])
        show(console, WORKLOADS[number], said)
        result[str(WORKLOADS[number])] = said
        print(json.dumps({str(WORKLOADS[number]): said}), flush=True)
    if "saturation" in parts:
        assert bench is not None
        result["saturation"] = saturation(bench, WORKLOADS[0], asked.rounds)
        console.print(result["saturation"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
