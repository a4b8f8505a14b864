"""A model card as Markdown that people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bowerbird.evaluate.card_limits import ends_of, task_name

Json = Mapping[str, Any]


def card_text(card: Json) -> str:
    """The whole card; what was not measured is listed at its end and not in its tables."""
    parts = [
        f"# Model card: vectors {card['version']}",
        "Written by `bowerbird evaluate` from what it measured. In brackets: 95 % intervals over people.",
        _data(card["data"]),
        _models(card),
        *(_evaluation(one) for one in card["evaluations"]),
        _seeds(card["seeds"]),
        _calibration((card["ranker"] or {}).get("calibration")),
        "## Known limits\n\n" + "\n".join(f"- {said}" for said in card["limits"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _data(data: Json) -> str:
    held = f"{data['held_out_people']:,} people"
    if data["held_out_after"]:
        held += f", and everything after {data['held_out_after']}"
    never = f"{data['items_never_liked_in_training']:,} of them never liked in training"
    rows = [
        ("items", f"{data['items']:,}, {never}"),
        ("events", f"{data['events']:,}, {data['likes']:,} of them likes (a click or more)"),
        ("people", f"{data['people']:,}"),
        ("period", f"{data['from']} to {data['to']}"),
        ("kept away from training", held),
        ("training", f"{data['training_events']:,} events of {data['training_people']:,} people"),
    ]
    return "## Data\n\n" + _table(["", ""], rows)


def _models(card: Json) -> str:
    vectors, ranker = card["vectors"], card["ranker"]
    rows = [
        (f"{kind} backbone", f"{name}, licence: {card['licences'].get(name) or 'not known here'}")
        for kind, name in vectors.get("backbones", {}).items()
    ]
    told = ("dim", "seed", "epochs", "likes", "seconds")
    rows += [(name, _plain(vectors[name])) for name in told if name in vectors]
    if "peak_memory_mb" in vectors:
        rows.append(("peak memory", f"{vectors['peak_memory_mb']:,} MB"))
    if isinstance(vectors.get("metrics"), Mapping):
        rows += [(f"judged in training, {name}", _plain(value)) for name, value in vectors["metrics"].items()]
    over = vectors.get("over_seeds", {})
    if len(over.get("seeds", ())) > 1:
        rows += [(f"trainings over seeds, {name}", _plain(one)) for name, one in over.items()]
    if ranker:
        rows.append(("ranker", ranker["version"]))
        rows += [(f"ranker, {name}", _plain(value)) for name, value in ranker["settings"].items()]
    return "## Models and settings\n\n" + _table(["", ""], rows)


def _evaluation(one: Json) -> str:
    arms = one["arms"]
    names = [name for name in arms[0]["metrics"] if any(arm["metrics"][name]["mean"] for arm in arms)]
    rows = [
        (
            f"**{arm['name']}**" if arm["ours"] else arm["name"],
            *(_interval(arm["metrics"][name]) for name in names),
        )
        for arm in arms
    ]
    settings = [f"- {arm['name']}: {_settings(arm['settings'])}" for arm in arms if arm["settings"]]
    ends = [f"{name} ({', '.join(found)})" for name, found in ends_of(arms).items()]
    parts = [
        f"## {task_name(one).capitalize()}",
        f"{one['people']:,} people, {one['strangers']:,} of them without a history; all {one['items']:,} "
        f"items ranked, {one['cold_items']:,} of them unknown in training.",
        _table(["ranker", *names], rows),
        *(_compared(compared) for compared in one["comparisons"]),
        _slices(one.get("slices", ())),
        "Settings:\n\n" + "\n".join(settings) if settings else "",
        f"Chosen at the end of the range that was tried: {', '.join(ends)}." if ends else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _compared(one: Json) -> str:
    return (
        f"{one['metric']}: {one['ours']} over {one['baseline']}, the best baseline: "
        f"{_interval(one['ratio'], 2)} times, {_interval(one['difference'])} more."
    )


def _slices(slices: Sequence[Json]) -> str:
    if not slices:
        return ""
    heads = ["part", "people"]
    for one in slices[0]["results"]:
        heads += [f"ours, {one['metric']}", "best baseline", "times"]
    rows = []
    for part in slices:
        cells = [
            cell
            for one in part["results"]
            for cell in (
                _interval(one["ours"]),
                f"{one['baseline']} {_interval(one['best'])}",
                _interval(one["ratio"], 2),
            )
        ]
        rows.append((part["name"], f"{part['people']:,}", *cells))
    return _table(heads, rows)


def _seeds(seeds: Json | None) -> str:
    """What `benchmarks/bench_quality.py` found over several seeds."""
    if seeds is None:
        return ""
    rows = [
        (
            one["task"],
            one["metric"],
            _interval(one["ours"]),
            ", ".join(f"{value:.3f}" for value in one["by_seed"]),
            f"{one['baseline']} {_interval(one['best'])}",
            _interval(one["ratio"], 2),
        )
        for one in seeds["figures"]
    ]
    heads = ["task", "metric", "ours, mean over seeds", "each seed", "best baseline", "times"]
    said = ", ".join(str(seed) for seed in seeds["seeds"])
    return f"## Over seeds {said}\n\n{_table(heads, rows)}"


def _calibration(calibration: Json | None) -> str:
    """How well chances of outcomes are met: what they have in common, then a line an outcome."""
    if not calibration:
        return ""
    outcomes = {name: one for name, one in calibration.items() if isinstance(one, Mapping)}
    lines = [f"- {name}: {_plain(one)}" for name, one in calibration.items() if name not in outcomes]
    for name, one in outcomes.items():
        numbers = {key: value for key, value in one.items() if not isinstance(value, list)}
        lines.append(f"- {name}: {_plain(numbers)}")
    return "## Calibration\n\n" + "\n".join(lines)


def _settings(settings: Json) -> str:
    chosen = ", ".join(f"{name} {_plain(value)}" for name, value in settings.items() if name != "tuning")
    tuning = settings.get("tuning")
    tried = f"{tuning['tried']} settings tried in {tuning['seconds']:.0f} s" if tuning else ""
    return "; ".join(part for part in (chosen, tried) if part)


def _plain(value: Any) -> str:
    """A value as a reader likes it.

    >>> _plain({"a": 0.123456, "b": None}), _plain(12345), _plain([1, 2])
    ('a 0.1235, b –', '12,345', '1, 2')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _interval(interval: Json, digits: int = 3) -> str:
    mean, low, high = (interval[end] for end in ("mean", "low", "high"))
    if mean is None:
        return "–"
    return f"{mean:.{digits}f}" + ("" if low is None else f" [{low:.{digits}f}, {high:.{digits}f}]")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; names from outside can't break out of their cells."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(said: str) -> str:
    return " ".join(said.split()).replace("|", "\\|").replace("<", "&lt;")
