"""Opens the writer that a store's settings name."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from bowerbird.assist.parts import Parts
from bowerbird.assist.writers.contract import TemplateWriter, Writer, WrittenText
from bowerbird.errors import BowerbirdError

if TYPE_CHECKING:
    from bowerbird.assist.writers.endpoint_writer import FindItems
    from bowerbird.data.settings import WriterName

_log = logging.getLogger(__name__)


def open_writer(name: WriterName, parts: Parts, find: FindItems) -> Writer:
    """Open a writer over the parts of a snapshot; `find` answers searches of a model's tools.

    One that can't be opened (no graft, no key, a package that is missing) is logged, and templates write.
    """
    try:
        if name == "endpoint" and parts.endpoint is not None:
            from bowerbird.assist.writers.endpoint_writer import EndpointWriter

            return EndpointWriter(parts.endpoint, parts, find)
        if name == "graft" and parts.graft is not None:
            from bowerbird.assist.writers.graft_writer import GraftWriter

            return GraftWriter(parts.graft, parts.vocabulary, parts.catalogue)
    except (BowerbirdError, ImportError) as error:
        _log.error("the writer %r can't be opened, templates write: %s", name, error)
        return TemplateWriter()
    if name != "template":
        _log.error("the writer %r can't be opened, templates write: there is no model", name)
    return TemplateWriter()


def writer_of(written: Sequence[WrittenText]) -> Literal["model", "mixed", "template"]:
    """Who wrote the parts of a text."""
    by_model = [part.is_modelled for part in written if part.text]
    return "model" if by_model and all(by_model) else "mixed" if any(by_model) else "template"
