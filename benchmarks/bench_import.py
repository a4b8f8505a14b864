"""How fast is an import, and how much memory does it take, on files of any size that are generated here?

    python benchmarks/bench_import.py [--layouts hm,segment,ga4,snowplow,table,feed] [--rows 1000000]
        [--folder FOLDER]

`hm`: the competition's csv (articles and purchases); `segment`: JSON lines; `table`: a csv of events with a
column map; `feed`: a product feed of about a kilobyte a row. Each import runs in a process of its own on one
core; its processor seconds and peak memory are the kernel's. The same file is read by `polars` and `duckdb`
where they are installed, on one thread too, into memory and no further. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

START = date(2018, 9, 20)
ARTICLES, DAYS, CUSTOMERS_PER_ROW = 105_542, 734, 0.044  # of H&M's files
LINES = 50_000  # written at a time

READERS = {
    "polars": "import polars as pl; pl.{scan}({path!r}{options}).collect()",
    "duckdb": "import duckdb; c = duckdb.connect(); c.sql('set threads to 1'); "
    "c.sql(\"create table t as select * from {function}('{path}'{options})\")",
}


def write_hm(folder: Path, rows: int) -> Path:
    """Articles and `rows` purchases, sorted by day, as the competition's."""
    random.seed(0)
    with (folder / "articles.csv").open("w") as file:
        file.write("article_id,prod_name,product_type_name,detail_desc\n")
        for number in range(ARTICLES):
            file.write(f'{108_775_015 + number:010d},Top no {number},Vest top,"Jersey top, narrow straps"\n')
    sales = folder / "transactions_train.csv"
    customers = max(1, int(rows * CUSTOMERS_PER_ROW))
    with sales.open("w") as file:
        file.write("t_dat,customer_id,article_id,price,sales_channel_id\n")
        for start in range(0, rows, LINES):
            day = START + timedelta(days=start * DAYS // rows)
            file.writelines(
                f"{day},{random.randrange(customers):064x},{108_775_015 + random.randrange(ARTICLES):010d},"
                f"{random.random():.17f},{1 + (number & 1)}\n"
                for number in range(min(LINES, rows - start))
            )
    return sales


def write_items(folder: Path, n: int = 1000) -> Path:
    path = folder / "items.tsv"
    path.write_text("id\ttitle\n" + "".join(f"i{k}\tThing {k}\n" for k in range(n)))
    return path


def write_segment(folder: Path, rows: int) -> Path:
    """Views, orders of two products and pages; some users are known by their browser too."""
    random.seed(0)
    path = folder / "events.jsonl"
    context = {"page": {"url": "https://shop.example/p", "title": "A thing"}, "userAgent": "Mozilla/5.0"}
    with path.open("w") as file:
        for number in range(rows):
            user = random.randrange(rows // 20 + 1)
            product = {"product_id": f"i{random.randrange(1000)}", "price": 19.99, "name": "Thing"}
            call: dict[str, object] = {
                "type": "track",
                "event": "Product Viewed",
                "userId": f"u{user}",
                "anonymousId": f"{user:08x}-4b1c-4c5e-9d1f-0242ac120002" if number % 10 == 0 else None,
                "messageId": f"ajs-{number:032x}",
                "timestamp": f"2026-01-{1 + number * 28 // rows:02d}T12:00:00.{number % 1000:03d}Z",
                "context": context,
                "properties": {**product, "position": 3, "currency": "EUR"},
            }
            if number % 20 == 1:
                products = [product, {**product, "product_id": f"i{random.randrange(1000)}"}]
                call["event"] = "Order Completed"
                call["properties"] = {"order_id": f"T{number}", "currency": "EUR", "products": products}
            elif number % 20 == 2:
                call |= {"type": "page", "name": "Home", "properties": {"url": "https://shop.example/"}}
            file.write(json.dumps(call) + "\n")
    return path


def write_ga4(folder: Path, rows: int) -> Path:
    """Rows of BigQuery's export as JSON lines, with the fields that it writes; 1.5 kilobytes each."""
    random.seed(0)
    path = folder / "events.jsonl"
    device = {"category": "mobile", "operating_system": "Android", "language": "en-us", "is_limited": "No"}
    geo = {"continent": "Europe", "country": "Sweden", "region": "Stockholm County", "city": "Stockholm"}
    names = ("view_item", "view_item", "view_item", "add_to_cart", "page_view", "select_item", "purchase")
    with path.open("w") as file:
        for number in range(rows):
            name, user = names[number % 7], random.randrange(rows // 20 + 1)
            parameters = {"ga_session_id": user * 3, "ga_session_number": 1, "engaged_session_event": 1}
            shown = {"string_value": None}
            texts = {
                "page_location": f"https://shop.example/p/{number}",
                "page_title": "Thing",
                "currency": "EUR",
            }
            item = {
                "item_id": f"i{random.randrange(1000)}", "item_name": "Thing", "item_brand": "(not set)",
                "item_variant": "(not set)", "item_category": "Vests", "price_in_usd": 21.5, "price": 19.99,
                "quantity": None, "item_list_name": "Home" if name == "select_item" else "(not set)",
                "item_list_index": "3" if name == "select_item" else "(not set)",
            }  # fmt: skip
            row = {
                "event_date": "20260102", "event_timestamp": str(1_767_312_000_000_000 + number * 1_000_003),
                "event_name": name, "event_value_in_usd": None, "event_bundle_sequence_id": str(number),
                "event_params": [
                    *({"key": k, "value": shown | {"int_value": str(v)}} for k, v in parameters.items()),
                    *({"key": k, "value": {"string_value": v, "int_value": None}} for k, v in texts.items()),
                ],
                "user_id": f"u{user}" if number % 10 == 0 else None,
                "user_pseudo_id": f"{1_000_000_000 + user}.{1_600_000_000 + user}",
                "device": device, "geo": geo, "platform": "WEB", "stream_id": "2100450278",
                "ecommerce": {"transaction_id": f"T{number}" if name == "purchase" else "(not set)"},
                "items": [] if name == "page_view" else [item],
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
    return path


def write_snowplow(folder: Path, rows: int) -> Path:
    """Enriched rows of 131 fields, two kilobytes each: product views, carts, orders and page views."""
    random.seed(0)
    path = folder / "events.tsv"
    web_page = {"schema": "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0"}
    iglu = "iglu:com.snowplowanalytics.snowplow.ecommerce"
    agent = (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36"
    )
    kinds = ("product_view", "product_view", "product_view", "add_to_cart", "page_view", "transaction")
    with path.open("w") as file:
        for number in range(rows):
            kind, user, fields = kinds[number % 6], random.randrange(rows // 20 + 1), [""] * 131
            at = f"2026-01-{1 + number * 28 // rows:02d} 12:00:{number % 60:02d}.{number % 1000:03d}"
            fields[:7] = ["shop", "web", at, at, at, "unstruct", f"{number:08x}-4b1c-4c5e-9d1f-0242ac120002"]
            fields[15], fields[17] = f"{user:08x}-d71f-4f8b-a4d2-95ad9ea0f2a4", f"n{user}"
            fields[12] = f"u{user}" if number % 10 == 0 else ""
            fields[29], fields[53], fields[123], fields[124] = "https://shop.example/", agent, f"s{user}", at
            product = {"id": f"i{random.randrange(1000)}", "name": "Thing", "price": 19.99, "currency": "EUR"}
            entities = [web_page | {"data": {"id": f"{number:032x}"}}]
            if kind == "page_view":
                fields[5] = "page_view"
            else:
                entities.append({"schema": f"{iglu}/product/jsonschema/1-0-0", "data": product})
                action = {
                    "schema": f"{iglu}/snowplow_ecommerce_action/jsonschema/1-0-2",
                    "data": {"type": kind},
                }
                wrapper = {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"}
                fields[58] = json.dumps(wrapper | {"data": action}, separators=(",", ":"))
            if kind == "transaction":
                order = {"transaction_id": f"T{number}", "revenue": 19.99, "currency": "EUR"}
                entities.append({"schema": f"{iglu}/transaction/jsonschema/1-0-0", "data": order})
            contexts = {"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0"}
            fields[52] = json.dumps(contexts | {"data": entities}, separators=(",", ":"))
            file.write("\t".join(fields) + "\n")
    return path


def write_table(folder: Path, rows: int) -> Path:
    random.seed(0)
    (folder / "map.toml").write_text(
        '[events]\nuser_id = "visitor"\nitem_id = "sku"\nat = "ts"\naction = "what"\nvalue = "price"\n'
        '[events.actions]\nbuy = "purchase"\n'
    )
    path = folder / "events.csv"
    with path.open("w") as file:
        file.write("visitor,sku,ts,what,price\n")
        for number in range(rows):
            file.write(
                f"u{random.randrange(rows // 20 + 1)},i{random.randrange(1000)},{1_700_000_000 + number},"
                f"{'buy' if number % 5 == 0 else 'view'},{random.randrange(100)}.99\n"
            )
    return path


def write_feed(folder: Path, rows: int) -> Path:
    random.seed(0)
    words = [f"word{k}" for k in range(2000)]
    path = folder / "feed.tsv"
    with path.open("w") as file:
        file.write(
            "id\ttitle\tdescription\tprice\tbrand\tproduct_type\tavailability\tlink\tcolor\tsize\tgtin\n"
        )
        for number in range(rows):
            text = " ".join(random.choices(words, k=110))
            file.write(
                f"i{number}\t{text[:40]}\t{text}\t{random.randrange(1, 300)}.99 EUR\tBrand {number % 500}\t"
                f"Home > Kind {number % 50}\tin_stock\thttps://shop.example/{number}\tred\tM\t"
                f"{4006381333931 + number}\n"
            )
    return path


def run_measured(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Processor seconds and peak memory in GiB of a process, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = (
        "import resource, subprocess, sys, json;"
        "p = subprocess.run(sys.argv[1:], capture_output=True, text=True);"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([u.ru_maxrss, p.returncode, p.stdout, p.stderr]))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak_kib, status, output, errors = json.loads(finished.stdout)
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors}")
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used_s, peak_kib / 2**20, output


def measure(layout: str, rows: int, folder: Path) -> dict[str, object]:
    """Generate a file, import it, and read it by other libraries."""
    writers: dict[str, Callable[[Path, int], Path]] = {
        "hm": write_hm, "segment": write_segment, "ga4": write_ga4, "snowplow": write_snowplow,
        "table": write_table, "feed": write_feed,
    }  # fmt: skip
    path, store = writers[layout](folder, rows), folder / "store"
    bowerbird = [sys.executable, "-m", "bowerbird", "import"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if layout not in ("hm", "feed"):
        run_measured(
            [*bowerbird, "google-feed", str(write_items(folder)), "--store", str(store)], environment
        )
    arguments = {
        "hm": ["hm", str(folder)], "segment": ["segment", str(path)], "feed": ["google-feed", str(path)],
        "ga4": ["ga4", str(path)], "snowplow": ["snowplow", str(path)],
        "table": ["parquet", str(path), "--columns", str(folder / "map.toml")],
    }[layout]  # fmt: skip
    start = time.monotonic()
    used_s, peak_gib, output = run_measured(
        [*bowerbird, *arguments, "--store", str(store), "--json"], environment
    )
    summary = json.loads(output)
    kind = "items" if layout == "feed" else "events"
    result: dict[str, object] = {
        "layout": layout,
        "rows": rows,
        "bytes": path.stat().st_size,
        "accepted": summary[kind]["accepted"],
        "cpu_s": round(used_s, 1),
        "wall_s": round(time.monotonic() - start, 1),
        "peak_gib": round(peak_gib, 2),
        "rows_per_cpu_s": round(rows / used_s),
    }
    for name, template in READERS.items():
        is_json = path.suffix == ".jsonl"
        options = {"polars": ", separator='\\t'", "duckdb": ", delim='\\t'"}[name] if layout == "feed" else ""
        code = template.format(
            scan="scan_ndjson" if is_json else "scan_csv",
            function="read_json_auto" if is_json else "read_csv",
            path=str(path),
            options=options,
        )
        try:
            result[f"{name}_cpu_s"] = round(run_measured([sys.executable, "-c", code], environment)[0], 1)
        except SystemExit as error:
            result[f"{name}_cpu_s"] = None
            print(str(error).splitlines()[-1], file=sys.stderr)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layouts", default="hm,segment,ga4,snowplow,table,feed")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the files are generated; removed afterwards")
    arguments = parser.parse_args()
    results = []
    for layout in arguments.layouts.split(","):
        folder = Path(tempfile.mkdtemp(prefix="import-", dir=arguments.folder))
        try:
            result = measure(layout, arguments.rows, folder)
        finally:
            shutil.rmtree(folder)
        print("  ".join(f"{name} {value}" for name, value in result.items()), flush=True)
        results.append(result)
    print(json.dumps({"benchmark": "import", "results": results}))


if __name__ == "__main__":
    main()
