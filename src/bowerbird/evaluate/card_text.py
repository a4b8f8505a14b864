"""A model card as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bowerbird.evaluate.card_limits import describe_task, settings_at_grid_edge

Json = Mapping[str, Any]


def render_card(card: Json) -> str:
    """Render the whole card; what was not measured is listed at its end and not in its tables."""
    sections = [
        f"# Model card: vectors {card['version']}",
        "Written by `bowerbird evaluate` from its measurements. In brackets: 95 % intervals over users.",
        _render_data(card["data"]),
        _render_models(card),
        *(_render_evaluation(evaluation) for evaluation in card["evaluations"]),
        _render_seeds(card["seeds"]),
        _render_calibration((card["ranker"] or {}).get("calibration")),
        "## Known limits\n\n" + "\n".join(f"- {limit}" for limit in card["limits"]),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _render_data(data: Json) -> str:
    holdout = f"{data['held_out_users']:,} users"
    if data["held_out_after"]:
        holdout += f", and all events after {data['held_out_after']}"
    cold = f"{data['items_never_liked_in_training']:,} of them never liked in training"
    rows = [
        ("items", f"{data['items']:,}, {cold}"),
        ("events", f"{data['events']:,}, {data['likes']:,} of them likes (a click or more)"),
        ("users", f"{data['users']:,}"),
        ("period", f"{data['from']} to {data['to']}"),
        ("held out from training", holdout),
        ("training", f"{data['training_events']:,} events of {data['training_users']:,} users"),
    ]
    return "## Data\n\n" + _table(["", ""], rows)


def _render_models(card: Json) -> str:
    vectors, ranker = card["vectors"], card["ranker"]
    rows = [
        (f"{modality} backbone", f"{name}, licence: {card['licences'].get(name) or 'unknown'}")
        for modality, name in vectors.get("backbones", {}).items()
    ]
    names = ("dim", "seed", "epochs", "likes", "seconds")
    rows += [(name, _plain(vectors[name])) for name in names if name in vectors]
    if "peak_memory_mb" in vectors:
        rows.append(("peak memory", f"{vectors['peak_memory_mb']:,} MB"))
    if isinstance(vectors.get("metrics"), Mapping):
        rows += [
            (f"validation in training, {name}", _plain(value)) for name, value in vectors["metrics"].items()
        ]
    over_seeds = vectors.get("over_seeds", {})
    if len(over_seeds.get("seeds", ())) > 1:
        rows += [(f"training over seeds, {name}", _plain(value)) for name, value in over_seeds.items()]
    if ranker:
        rows.append(("ranker", ranker["version"]))
        rows += [(f"ranker, {name}", _plain(value)) for name, value in ranker["settings"].items()]
    return "## Models and settings\n\n" + _table(["", ""], rows)


def _render_evaluation(evaluation: Json) -> str:
    systems = evaluation["systems"]
    names = [
        name for name in systems[0]["metrics"] if any(system["metrics"][name]["mean"] for system in systems)
    ]
    rows = [
        (
            f"**{system['name']}**" if system["under_test"] else system["name"],
            *(_format_interval(system["metrics"][name]) for name in names),
        )
        for system in systems
    ]
    settings = [
        f"- {system['name']}: {_format_settings(system['settings'])}"
        for system in systems
        if system["settings"]
    ]
    at_edge = [f"{name} ({', '.join(keys)})" for name, keys in settings_at_grid_edge(systems).items()]
    paragraphs = [
        f"## {describe_task(evaluation).capitalize()}",
        f"{evaluation['users']:,} users, {evaluation['cold_start_users']:,} of them without a history; all "
        f"{evaluation['items']:,} items ranked, {evaluation['cold_items']:,} of them not in training.",
        _table(["ranker", *names], rows),
        *(_render_comparison(comparison) for comparison in evaluation["comparisons"]),
        _render_slices(evaluation.get("slices", ())),
        "Settings:\n\n" + "\n".join(settings) if settings else "",
        f"Chosen at the edge of the search grid: {', '.join(at_edge)}." if at_edge else "",
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _render_comparison(comparison: Json) -> str:
    return (
        f"{comparison['metric']}: {comparison['system']} compared with {comparison['baseline']}, the best "
        f"baseline: ratio {_format_interval(comparison['ratio'], 2)}, difference "
        f"{_format_interval(comparison['difference'])}."
    )


def _render_slices(slices: Sequence[Json]) -> str:
    if not slices:
        return ""
    heads = ["slice", "users"]
    for result in slices[0]["results"]:
        heads += [f"bowerbird, {result['metric']}", "best baseline", "ratio"]
    rows = []
    for test_slice in slices:
        cells = [
            cell
            for result in test_slice["results"]
            for cell in (
                _format_interval(result["value"]),
                f"{result['baseline']} {_format_interval(result['baseline_value'])}",
                _format_interval(result["ratio"], 2),
            )
        ]
        rows.append((test_slice["name"], f"{test_slice['users']:,}", *cells))
    return _table(heads, rows)


def _render_seeds(seeds: Json | None) -> str:
    """The results of `benchmarks/bench_quality.py` over several seeds."""
    if seeds is None:
        return ""
    rows = [
        (
            figure["task"],
            figure["metric"],
            _format_interval(figure["ours"]),
            ", ".join(f"{value:.3f}" for value in figure["by_seed"]),
            f"{figure['baseline']} {_format_interval(figure['best'])}",
            _format_interval(figure["ratio"], 2),
        )
        for figure in seeds["figures"]
    ]
    heads = ["task", "metric", "bowerbird, mean over seeds", "each seed", "best baseline", "ratio"]
    numbers = ", ".join(str(seed) for seed in seeds["seeds"])
    return f"## Over seeds {numbers}\n\n{_table(heads, rows)}"


def _render_calibration(calibration: Json | None) -> str:
    """How well the outcome probabilities are calibrated: shared settings, then a line per outcome."""
    if not calibration:
        return ""
    outcomes = {name: report for name, report in calibration.items() if isinstance(report, Mapping)}
    lines = [f"- {name}: {_plain(value)}" for name, value in calibration.items() if name not in outcomes]
    for name, report in outcomes.items():
        numbers = {key: value for key, value in report.items() if not isinstance(value, list)}
        lines.append(f"- {name}: {_plain(numbers)}")
    return "## Calibration\n\n" + "\n".join(lines)


def _format_settings(settings: Json) -> str:
    values = ", ".join(f"{name} {_plain(value)}" for name, value in settings.items() if name != "tuning")
    tuning = settings.get("tuning")
    search = f"best of {tuning['n_trials']} trials in {tuning['seconds']:.0f} s" if tuning else ""
    return "; ".join(text for text in (values, search) if text)


def _plain(value: Any) -> str:
    """A value in a readable form.

    >>> _plain({"a": 0.123456, "b": None}), _plain(12345), _plain([1, 2])
    ('a 0.1235, b –', '12,345', '1, 2')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(nested)}" for key, nested in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(element) for element in value)
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _format_interval(interval: Json, digits: int = 3) -> str:
    mean, low, high = (interval[key] for key in ("mean", "low", "high"))
    if mean is None:
        return "–"
    return f"{mean:.{digits}f}" + ("" if low is None else f" [{low:.{digits}f}, {high:.{digits}f}]")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; names from the data cannot break out of their cells."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
