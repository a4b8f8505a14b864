"""The errors that bowerbird raises on purpose: what came, what was expected, what to do.

BowerbirdError            exit code 2
├── InputError            the user's data or request can't be used
│   └── NotFoundError     … because something that it names does not exist
├── StoreError            the store is missing, incomplete, of another layout, locked, or its disk is full
├── BackboneError         a backbone can't be found, fetched or trusted
├── EngineError           an inference server can't be reached, died, or serves something else
└── SourceError           a source of events can't be consumed as requested
    └── SourceUnavailable … temporarily: its server can't be reached, and is tried again
"""


class BowerbirdError(Exception):
    """Base of every error raised on purpose; its message is meant for the user."""


class InputError(BowerbirdError):
    """Data or a request that can't be used as it is."""


class NotFoundError(InputError):
    """A request that names something that does not exist: an item, an interest, a page of a list."""


class StoreError(BowerbirdError):
    """A store that is missing, incomplete, locked by another process, full, or of another layout."""


class BackboneError(BowerbirdError):
    """An open model that can't be found, fetched or verified."""


class EngineError(BowerbirdError):
    """An inference server that can't be reached, that died, or that serves another model than expected."""


class SourceError(BowerbirdError):
    """A source of events that can't be consumed as requested: no such stream, wrong password, no client."""


class SourceUnavailable(SourceError):
    """A source that is temporarily unreachable; consumers retry."""
