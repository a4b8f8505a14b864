"""The errors that bowerbird raises on purpose: what came, what was expected, what to do.

BowerbirdError            exit code 2
├── InputError            the user's data or request can't be used
├── StoreError            the store is missing, incomplete, of another layout, locked, or its disk is full
└── BackboneError         a backbone can't be found, fetched or trusted
"""


class BowerbirdError(Exception):
    """Base of every error raised on purpose; its message is meant for the user."""


class InputError(BowerbirdError):
    """Data or a request that can't be used as it is."""


class StoreError(BowerbirdError):
    """A store that is missing, incomplete, locked by another process, full, or of another layout."""


class BackboneError(BowerbirdError):
    """An open model that can't be found, fetched or verified."""
