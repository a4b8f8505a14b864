"""`bowerbird evaluate --exposures`: what came of the lists that a server answered."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import emit
from bowerbird.data.files.records import record_as_dict
from bowerbird.data.logs.exposures import ExposureLog
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.evaluate.exposures import OUTCOMES, rates_by_surface


def evaluate_exposures(path: Path, as_json: bool) -> None:
    """Print the rates of outcomes of each surface."""
    store = Store.open(path)
    exposures = ExposureLog(store.path).read()
    if not exposures.num_rows:
        raise InputError("no exposures were logged: `bowerbird serve` logs those of the lists it answers")
    rates = rates_by_surface(exposures, store.log.read())

    def show(console: Console) -> None:
        table = Table("surface", "lists", "items shown", *OUTCOMES)
        for surface in rates:
            columns = [surface.rates[name].format(4) for name in OUTCOMES]
            table.add_row(surface.surface, f"{surface.lists:,}", f"{surface.shown:,}", *columns)
        console.print(table)

    emit([record_as_dict(surface) for surface in rates], as_json, show)
