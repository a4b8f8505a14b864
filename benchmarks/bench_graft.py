"""What do item vectors save compared with pictures, on the real Qwen3-VL-2B configuration?

    python benchmarks/bench_graft.py [--rounds 5] [--workloads 0,1,2] [--weights FOLDER]
                                     [--parts latency,saturation,memory] [--reply 16]

The weights are random, in bfloat16: latency does not depend on their values. One request is 200 tokens that
all requests share, N pictures, 100 tokens of the request's own, and a reply of 64 tokens. Arms:

- `pixels`: the stock model: JPEG decoded, cut into patches, tower, prefill;
- `cached tower`: the stock model, the tower's tokens and DeepStack features computed beforehand;
- `pixels 224`: the stock model at 224 × 224 (49 tokens a picture);
- `text`: 40 words' tokens an item;
- `bowerbird`: the decoder alone, one soft token per item, from its vector.

All arms run the same decoder weights in one process and alternate in every round. `pixels` is the sum of its
image input (decode, patches, tower) and of the prefill that it shares with `cached tower`, both measured in
the same round; with the shared prefix cached, in the two larger workloads, it is the whole prefill minus the
time of the shared tokens alone. End to end is the first token plus 64 times the seconds per token, measured
over `--reply` tokens, whose keys and values are written into reserved memory (a cache that is copied at every
token would penalise long prompts). Prints tables and ends in one JSON line.
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
ARMS = ("pixels", "cached tower", "pixels 224", "text", "bowerbird")
CONCURRENT = 8
MACHINE_HOUR = 0.20
"""Price of a machine hour in US dollars, for the cost per 1,000 turns; ratios do not depend on it."""


@dataclass(frozen=True)
class Workload:
    pictures: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.pictures} x {self.width}x{self.height}"


WORKLOADS = (Workload(10, 512, 512), Workload(20, 512, 512), Workload(10, 736, 1104))


class ImageInput:
    """The stock model's work before its language model: decoding, patches and vision tower."""

    def __init__(self, model: Any, workload: Workload, side: int | None = None) -> None:
        self.model, self.workload = model, workload
        size = {"shortest_edge": 65_536, "longest_edge": 16_777_216}
        if side is not None:
            size = {"shortest_edge": side * side, "longest_edge": side * side}
        half = [0.5] * 3
        self.processor = Qwen2VLImageProcessorPil(patch_size=16, image_mean=half, image_std=half, size=size)
        self.pictures = [random_jpeg(workload, seed) for seed in range(workload.pictures)]

    def patches(self) -> tuple[Tensor, Tensor]:
        """Pixel values (patches, 1536) and grids (pictures, 3)."""
        images = [Image.open(io.BytesIO(encoded)).convert("RGB") for encoded in self.pictures]
        processed = self.processor(images=images, return_tensors="pt")
        return processed["pixel_values"], processed["image_grid_thw"]

    def encode(self) -> tuple[Any, Tensor]:
        """Run the vision tower: its output, flat, and the grids."""
        values, grid = self.patches()
        return self.model.model.visual(values.to(torch.bfloat16), grid_thw=grid, return_dict=True), grid


def random_jpeg(workload: Workload, seed: int) -> bytes:
    """Draw a random picture with enough detail for a JPEG of a photo's size."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (workload.height // 8, workload.width // 8, 3), np.uint8))
    out = io.BytesIO()
    coarse.resize((workload.width, workload.height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


class ReservedLayer(DynamicLayer):
    """Keys and values of one layer with reserved space for a reply: adding a token copies nothing."""

    def __init__(self, keys: Tensor, values: Tensor, batch: int, tokens: int) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        _, heads, self.length, width = keys.shape
        self.buffers = [keys.new_empty(batch, heads, self.length + tokens, width) for _ in range(2)]
        for buffer, prefix in zip(self.buffers, (keys, values), strict=True):
            buffer[:, :, : self.length] = prefix
        self.keys, self.values = (buffer[:, :, : self.length] for buffer in self.buffers)

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        start, self.length = self.length, self.length + keys.shape[-2]
        for buffer, added in zip(self.buffers, (keys, values), strict=True):
            buffer[:, :, start : self.length] = added
        self.keys, self.values = (buffer[:, :, : self.length] for buffer in self.buffers)
        return self.keys, self.values


def with_room(cache: DynamicCache, batch: int, tokens: int) -> DynamicCache:
    """Copy a cache for each of `batch` rows, with space for `tokens` more; empties `cache`."""
    copy = DynamicCache()
    for layer in cache.layers:
        copy.layers.append(ReservedLayer(layer.keys, layer.values, batch, tokens))
        layer.reset()
    return copy


class Bench:
    """The stock model and its decoder on the same weights."""

    def __init__(self, stock: Any, decoder: Any) -> None:
        self.stock, self.decoder = stock, decoder
        torch.manual_seed(0)
        self.connector = Connector(DIM, decoder.config.hidden_size, 1.0).eval()
        generator = torch.Generator().manual_seed(1)
        self.shared = torch.randint(0, 150_000, (SHARED,), generator=generator)
        self.own = torch.randint(0, 150_000, (OWN,), generator=generator)
        self.words = torch.randint(0, 150_000, (20, TEXT_TOKENS), generator=generator)
        self.vectors = torch.nn.functional.normalize(torch.randn(20, DIM, generator=generator), dim=-1)
        self.prefix = self.read_shared()

    def embedded(self, ids: Tensor) -> Tensor:
        embedded: Tensor = self.decoder.get_input_embeddings()(ids)
        return embedded

    def read_shared(self) -> DynamicCache:
        """Compute keys and values of the shared prefix."""
        cache = DynamicCache()
        positions = torch.arange(SHARED)[None]
        self.decoder(
            input_ids=self.shared[None],
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache

    def start(self, with_prefix: bool) -> tuple[DynamicCache, int]:
        """Return a cache to fill, and the position from which the prompt has to be read."""
        return (fork(self.prefix, SHARED), SHARED) if with_prefix else (DynamicCache(), 0)

    def read_stock(
        self, image_features: Any, grid: Tensor, with_prefix: bool
    ) -> tuple[DynamicCache, Tensor, int]:
        """Prefill the stock model with a tower's output: cache, logits, next position."""
        config = self.stock.config
        block = torch.tensor([config.image_token_id])
        ids, kinds = [self.shared], [torch.zeros(SHARED, dtype=torch.int64)]
        counts = (grid.prod(-1) // 4).tolist()
        for count in counts:
            ids += [torch.tensor([config.vision_start_token_id]), block.repeat(count)]
            ids += [torch.tensor([config.vision_end_token_id])]
            kinds += [torch.tensor([0]), torch.ones(count, dtype=torch.int64), torch.tensor([0])]
        ids, kinds = [*ids, self.own], [*kinds, torch.zeros(OWN, dtype=torch.int64)]
        all_ids, token_kinds = torch.cat(ids)[None], torch.cat(kinds)[None]
        positions, _ = self.stock.model.get_rope_index(
            all_ids, image_grid_thw=grid, mm_token_type_ids=token_kinds
        )
        split = type(image_features)(
            pooler_output=torch.split(image_features.pooler_output, counts),
            deepstack_features=[torch.split(level, counts) for level in image_features.deepstack_features],
        )
        cache, start = self.start(with_prefix)
        output = self.stock(
            input_ids=all_ids[:, start:],
            position_ids=positions[:, :, start:],
            mm_encoder_outputs={"image": split},
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache, output.logits[:, -1], int(positions.max()) + 1

    def read(self, middle: Tensor, with_prefix: bool) -> tuple[DynamicCache, Tensor, int]:
        """Prefill the decoder: shared tokens, `middle` (n, hidden), own tokens."""
        cache, start = self.start(with_prefix)
        words = [] if with_prefix else [self.embedded(self.shared)]
        embedded = torch.cat([*words, middle.to(torch.bfloat16), self.embedded(self.own)])[None]
        return self.read_on(cache, start, embedded)

    def read_on(self, cache: DynamicCache, start: int, embedded: Tensor) -> tuple[DynamicCache, Tensor, int]:
        """Prefill `embedded` (B, n, hidden) after `start` positions: cache, logits, next position."""
        length = start + embedded.shape[1]
        output = self.decoder(
            inputs_embeds=embedded,
            position_ids=torch.arange(start, length)[None],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache, output.logits[:, -1], length

    def soft_tokens(self, pictures: int) -> Tensor:
        return self.connector(self.vectors[:pictures]).reshape(-1, self.decoder.config.hidden_size)

    def write(self, cache: DynamicCache, logits: Tensor, position: int, tokens: int) -> float:
        """Measure the seconds per token of `tokens` greedy ones, for all rows of the batch together; empties
        `cache`."""
        cache = with_room(cache, len(logits), tokens)
        start = time.perf_counter()
        for position_now in range(position, position + tokens):
            ids = logits.argmax(-1)[:, None]
            positions = torch.full((len(ids), 1), position_now)
            logits = self.decoder(
                input_ids=ids, position_ids=positions, past_key_values=cache, use_cache=True
            ).logits[:, -1]
        return (time.perf_counter() - start) / tokens


def timed_call(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


Seconds = dict[str, list[float]]


@torch.inference_mode()
def run_round(bench: Bench, workload: Workload, number: int, seconds: Seconds, reply: int) -> None:
    """Run every arm once, in an order that rotates with the rounds."""
    n = workload.pictures

    def stock(name: str, side: int | None) -> None:
        image_input = ImageInput(bench.stock, workload, side)
        seconds[f"{name}: image input"].append((encoded := timed_call(image_input.encode))[0])
        duration, prefill = timed_call(lambda: bench.read_stock(*encoded[1], False))
        seconds[f"{name}: prefill"].append(duration)
        if side is None and workload != WORKLOADS[0]:
            # Instead of a second prefill of minutes, the time of the 200 shared tokens alone is subtracted,
            # which favours the stock model slightly (the other tokens still attend to them).
            duration -= timed_call(bench.read_shared)[0]
        else:
            duration = timed_call(lambda: bench.read_stock(*encoded[1], True))[0]
        seconds[f"{name}: prefill, prefix cached"].append(duration)
        seconds[f"{name}: token"].append(bench.write(*prefill, reply))

    def decoder_only(name: str, middle: Callable[[], Tensor]) -> None:
        for prefix in (True, False):
            duration, prefill = timed_call(lambda prefix=prefix: bench.read(middle(), prefix))
            seconds[f"{name}: prefill{', prefix cached' if prefix else ''}"].append(duration)
        seconds[f"{name}: token"].append(bench.write(*prefill, reply))

    arms = [
        lambda: stock("pixels", None),
        lambda: stock("pixels 224", 224),
        lambda: decoder_only("text", lambda: bench.embedded(bench.words[:n].flatten())),
        lambda: decoder_only("bowerbird", lambda: bench.soft_tokens(n)),
    ]
    for k in range(len(arms)):
        arms[(k + number) % len(arms)]()


def first_token(seconds: Seconds, arm: str, prefix: bool) -> np.ndarray:
    """Seconds to the first token in each round."""
    image_input = {"pixels": "pixels", "pixels 224": "pixels 224"}.get(arm)
    arm_read = "pixels" if arm == "cached tower" else arm
    prefill = np.array(seconds[f"{arm_read}: prefill{', prefix cached' if prefix else ''}"])
    return prefill + np.array(seconds[f"{image_input}: image input"]) if image_input else prefill


def spread(values: np.ndarray) -> dict[str, float]:
    return {"median": float(np.median(values)), "min": float(values.min()), "max": float(values.max())}


def latency(seconds: Seconds, workload: Workload) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for prefix in (False, True):
        bowerbird = first_token(seconds, "bowerbird", prefix)
        block: dict[str, Any] = {}
        for arm in ARMS:
            first = first_token(seconds, arm, prefix)
            token = np.array(seconds[f"{'pixels' if arm == 'cached tower' else arm}: token"])
            end = first + REPLY * token
            block[arm] = {
                "first_token_s": spread(first),
                "token_s": spread(token),
                "end_to_end_s": spread(end),
                "first_token_ratio": spread(first / bowerbird),
                "end_to_end_ratio": float(
                    np.median(end / (bowerbird + REPLY * np.array(seconds["bowerbird: token"])))
                ),
                "dollars_per_1000_turns": float(np.median(end)) / 3600 * MACHINE_HOUR * 1000,
                "tflop": flops(workload, arm, prefix) / 1e12,
            }
        result["prefix cached" if prefix else "no prefix cache"] = block
    return result


def flops(workload: Workload, arm: str, prefix: bool) -> float:
    """Count multiplications and additions up to the first token: 2 per weight and token, attention 4·T²·width
    per layer (half of it where causal), by the sizes of the configuration."""
    layers, hidden, inner, heads, n_kv, head = 28, 2048, 6144, 16, 8, 128
    weights = layers * (hidden * head * (2 * heads + 2 * n_kv) + 3 * hidden * inner)
    side = {"pixels 224": 224}.get(arm)
    patches = (side // 16) ** 2 if side else round(workload.height / 32) * round(workload.width / 32) * 4
    tokens_per_picture = {"text": TEXT_TOKENS, "bowerbird": 1}.get(arm, patches // 4 + 2)
    n_read = workload.pictures * tokens_per_picture + OWN + (0 if prefix else SHARED)
    context = workload.pictures * tokens_per_picture + OWN + SHARED
    total = 2 * weights * n_read + 2 * layers * heads * head * (context**2 - (context - n_read) ** 2)
    total += 2 * hidden * 151_936
    if arm.startswith("pixels"):
        depth, width, mlp = 24, 1024, 4096
        block = 4 * width * width + 2 * width * mlp
        mergers = 4 * (4 * width) * (4 * width + hidden) / 4  # four of them, each over four patches together
        tower = 2 * patches * (depth * block + mergers + 1536 * width) + 4 * depth * patches**2 * width
        total += workload.pictures * tower
    return float(total)


@torch.inference_mode()
def saturation(bench: Bench, workload: Workload, rounds: int) -> dict[str, Any]:
    """Measure machine seconds per turn with 8 concurrent requests, the shared prefix cached in both arms.

    One request's image input and prefill already keep every core busy, so the stock arm's requests go through
    them one after another, as in engines with continuous batching; bowerbird's are read as one batch; both
    decode as one batch.
    """
    seconds: Seconds = defaultdict(list)
    for number in range(rounds):
        order = ("pixels", "bowerbird") if number % 2 else ("bowerbird", "pixels")
        for arm in order:
            if arm == "pixels":
                image_input = ImageInput(bench.stock, workload)
                duration, (features, grid) = timed_call(image_input.encode)
                seconds["pixels: image input"].append(duration)
                duration, (cache, logits, position) = timed_call(
                    lambda s=features, g=grid: bench.read_stock(s, g, True)
                )
                seconds["pixels: prefill"].append(duration)
                rows = logits.repeat(CONCURRENT, 1)
            else:
                duration, (cache, rows, position) = timed_call(lambda: read_batch(bench, workload.pictures))
                seconds["bowerbird: prefill"].append(duration / CONCURRENT)
            seconds[f"{arm}: reply"].append(bench.write(cache, rows, position, REPLY) * REPLY / CONCURRENT)
    pixels = sum(np.array(seconds[f"pixels: {stage}"]) for stage in ("image input", "prefill", "reply"))
    bowerbird = np.array(seconds["bowerbird: prefill"]) + np.array(seconds["bowerbird: reply"])
    return {
        "parts_s_per_turn": {name: spread(np.array(duration)) for name, duration in seconds.items()},
        "pixels_s_per_turn": spread(pixels),
        "bowerbird_s_per_turn": spread(bowerbird),
        "bowerbird_share_of_pixels": spread(bowerbird / pixels),
        "dollars_per_1000_turns": {
            "pixels": float(np.median(pixels)) / 3.6 * MACHINE_HOUR,
            "bowerbird": float(np.median(bowerbird)) / 3.6 * MACHINE_HOUR,
        },
    }


def read_batch(bench: Bench, pictures: int) -> tuple[DynamicCache, Tensor, int]:
    """Prefill eight different requests after the same prefix, in one pass."""
    cache = fork(bench.prefix, SHARED)
    cache.batch_repeat_interleave(CONCURRENT)
    rows = []
    for k in range(CONCURRENT):
        soft = bench.connector(bench.vectors.roll(k, 0)[:pictures]).reshape(pictures, -1)
        rows.append(torch.cat([soft.to(torch.bfloat16), bench.embedded(bench.own.roll(k))]))
    return bench.read_on(cache, SHARED, torch.stack(rows))


def memory(weights: Path, workload: Workload) -> dict[str, float]:
    """Measure the peak resident MiB of each arm in a separate process that loads its model and answers
    once."""
    peaks = {}
    for arm in ("pixels", "bowerbird"):
        command = [sys.executable, __file__, "--weights", str(weights), "--alone", arm]
        sizes = [str(workload.pictures), str(workload.width), str(workload.height)]
        completed = subprocess.run([*command, *sizes], capture_output=True, text=True, check=True)
        peaks[arm] = float(completed.stdout.split()[-1])
    peaks["bowerbird_share"] = peaks["bowerbird"] / peaks["pixels"]
    return peaks


@torch.inference_mode()
def measure_alone(weights: Path, arm: str, workload: Workload) -> float:
    """Answer once with one arm: peak MiB of anonymous memory and of the weights' pages mapped from the
    file."""
    if arm == "bowerbird":
        bench = Bench(None, load_text_decoder(str(weights)))
        prefill = bench.read(bench.soft_tokens(workload.pictures), False)
    else:
        stock = Qwen3VLForConditionalGeneration.from_pretrained(weights, dtype="auto").eval()
        bench = Bench(stock, StockDecoder(stock))
        prefill = bench.read_stock(*ImageInput(stock, workload).encode(), False)
    bench.write(*prefill, 8)
    line = next(
        status_line
        for status_line in Path("/proc/self/status").read_text().splitlines()
        if status_line.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024


class StockDecoder:
    """The stock model's own language model, called as a decoder."""

    def __init__(self, stock: Any) -> None:
        self.stock, self.config = stock, stock.config.text_config

    def get_input_embeddings(self) -> Any:
        return self.stock.get_input_embeddings()

    def __call__(self, **kwargs: Any) -> Any:
        kwargs["position_ids"] = kwargs["position_ids"][None].expand(3, -1, -1)
        return self.stock(**kwargs)


def load_models(weights: Path) -> Bench:
    """Load the stock model and a decoder that shares its weights: the same speed, and 3.4 GB less memory."""
    stock = Qwen3VLForConditionalGeneration.from_pretrained(weights, dtype="auto").eval()
    decoder = load_text_decoder(str(weights))
    decoder_state = {
        name.removeprefix("model.language_model."): value for name, value in stock.state_dict().items()
    }
    decoder.model.load_state_dict(
        {
            name: value
            for name, value in decoder_state.items()
            if not name.startswith(("model.visual", "lm_head"))
        },
        assign=True,
    )
    decoder.tie_weights()
    with torch.inference_mode():
        return Bench(stock, decoder)


def show(console: Console, workload: Workload, result: dict[str, Any]) -> None:
    for cached, block in result.items():
        table = Table(title=f"{workload}, {cached}")
        columns = (
            "arm",
            "TFLOP",
            "first token, s",
            "× bowerbird",
            "token, s",
            "end to end, s",
            "× bowerbird",
        )
        for name in columns:
            table.add_column(name, justify="left" if name == "arm" else "right")
        for arm, row in block.items():
            first, ratio = row["first_token_s"], row["first_token_ratio"]
            table.add_row(
                arm,
                f"{row['tflop']:.2f}",
                f"{first['median']:.2f} ({first['min']:.2f}–{first['max']:.2f})",
                f"{ratio['median']:.1f} ({ratio['min']:.1f}–{ratio['max']:.1f})",
                f"{row['token_s']['median']:.3f}",
                f"{row['end_to_end_s']['median']:.1f}",
                f"{row['end_to_end_ratio']:.2f}",
            )
        console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workloads", default="0,1,2", help="which of the three, by number")
    parser.add_argument("--parts", default="latency,saturation,memory")
    parser.add_argument("--weights", type=Path, default=Path(tempfile.gettempdir()) / "qwen3-vl-2b-random")
    parser.add_argument(
        "--reply", type=int, default=16, help="number of tokens over which the time per token is measured"
    )
    parser.add_argument("--alone", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.alone:
        print(measure_alone(args.weights, args.alone[0], Workload(*map(int, args.alone[1:]))))
        return
    if not (args.weights / "config.json").exists():
        write(args.weights)
    console, parts = Console(width=130), args.parts.split(",")
    result: dict[str, Any] = {"weights": "random, bfloat16", "threads": torch.get_num_threads()}
    if "memory" in parts:
        result["memory_mib"] = memory(args.weights, WORKLOADS[0])
        console.print(result["memory_mib"])
    bench = load_models(args.weights) if {"latency", "saturation"} & set(parts) else None
    for number in map(int, args.workloads.split(",")) if "latency" in parts else ():
        assert bench is not None
        seconds: Seconds = defaultdict(list)
        with torch.inference_mode():
            bench.read(bench.soft_tokens(1), False)  # warm-up: first calls choose their kernels
        for turn in range(args.rounds):
            run_round(bench, WORKLOADS[number], turn, seconds, args.reply)
            console.print(f"{WORKLOADS[number]}: round {turn + 1} of {args.rounds}", style="dim")
        result_of_workload = latency(seconds, WORKLOADS[number])
        show(console, WORKLOADS[number], result_of_workload)
        result[str(WORKLOADS[number])] = result_of_workload
        print(json.dumps({str(WORKLOADS[number]): result_of_workload}), flush=True)
    if "saturation" in parts:
        assert bench is not None
        result["saturation"] = saturation(bench, WORKLOADS[0], args.rounds)
        console.print(result["saturation"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
