"""The page's files: a first view asks for no more than its document names, and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from bowerbird.serve.routes.page.document import modules_of
from bowerbird.serve.routes.page.files import PAGE, PageFiles, read_page


@pytest.fixture(scope="module")
def page() -> PageFiles:
    return read_page()


def test_modules_are_listed_with_their_imports() -> None:
    files = {
        "app/main.js": b'import { a, b } from "./parts/a.js";\nimport "no address";\nimport("./later.js");',
        "app/parts/a.js": b'export * from "../c.js";import{d}from"../../vendor/d.js"',
        "app/c.js": b'import { main } from "./main.js";',
        "app/later.js": b"",
        "vendor/d.js": b"",
    }
    modules = modules_of(files, ["app/main.js"])
    assert modules == ["app/main.js", "app/parts/a.js", "app/c.js", "vendor/d.js"]


def test_a_document_preloads_each_module_that_its_view_imports(page: PageFiles) -> None:
    for view, document in page.documents.items():
        preloaded = re.findall(r'modulepreload" href="/page/\w+/([^"]+)"', document.content.decode())
        assert f"app/views/{view}.js" in preloaded
        for name in preloaded:
            text, folder = (PAGE / name).read_text(), (PAGE / name).parent
            for address in re.findall(r'^(?:import|export) .*from "(\..*)";', text, re.M):
                imported = (folder / address).resolve().relative_to(PAGE)
                assert imported.as_posix() in preloaded, f"{view}: {imported}"


def test_only_what_stands_in_the_document_may_run(page: PageFiles) -> None:
    document = page.documents["feed"]
    text = document.content.decode()
    assert re.search(r"{{\w+}}", text) is None, "a part of the template is not filled in"
    for directive, tag in (("style-src", "style"), ("script-src", "script")):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{directive} 'self' 'sha256-{digest}'" in document.policy


def test_each_file_of_the_page_is_served_once(page: PageFiles) -> None:
    suffixes = {Path(name).suffix for name in page.files}
    assert suffixes == {".js", ".css", ".svg"}
    assert all(page.version.encode() in document.content for document in page.documents.values())
