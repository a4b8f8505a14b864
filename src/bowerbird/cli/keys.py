"""`bowerbird keys`: API keys of a store's server, and tokens for its users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreArgument, emit

if TYPE_CHECKING:
    from bowerbird.serve.protection.keys import ApiKey, KeyRing

keys_app = typer.Typer(
    no_args_is_help=True, help="Make, list, rotate, expire and revoke API keys of a store's server."
)
KeyArgument = Annotated[str, typer.Argument(help="Id of a key, as `keys list` shows it.", metavar="KEY_ID")]
LOCAL_CALLER = "command line"
"""Who changed keys, in the audit log."""


@keys_app.callback()
def keys() -> None:
    """Make, list, rotate, expire and revoke API keys of a store's server."""


@keys_app.command()
def create(
    store: StoreArgument,
    role: Annotated[
        list[str],
        typer.Option(help="What it allows: events:write, read, chat or admin; repeat it for more."),
    ],
    days: Annotated[float | None, typer.Option(help="Days until it expires [default: never].")] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown once, and stored nowhere."""
    from bowerbird.errors import InputError
    from bowerbird.serve.protection.keys import KEY_ROLES, Role

    unknown = [name for name in role if name not in KEY_ROLES]
    if unknown:
        raise InputError(f"--role is {unknown[0]!r}, expected one of {', '.join(KEY_ROLES)}")
    key, presented = _ring(store).create([Role(name) for name in role], days, note)
    _audit(store, "create a key", key=key.id, roles=" ".join(key.roles))
    _show_new(key, presented, as_json)


@keys_app.command("list")
def list_(store: StoreArgument, as_json: JsonOption = False) -> None:
    """List the keys, without their secrets."""
    file = _ring(store).read()

    def show(console: Console) -> None:
        table = Table("id", "roles", "created", "expires", "state", "note")
        for key in file.keys:
            expires = f"{key.expires:%Y-%m-%d %H:%M}" if key.expires else "never"
            created, state = f"{key.created:%Y-%m-%d}", key.state().value
            table.add_row(key.id, " ".join(key.roles), created, expires, state, escape(key.note))
        console.print(table)

    emit({"keys": [_as_dict(key) for key in file.keys]}, as_json, show)


@keys_app.command()
def rotate(
    store: StoreArgument,
    key_id: KeyArgument,
    grace_hours: Annotated[
        float, typer.Option(min=0, help="Hours for which the old key stays valid.")
    ] = 24.0,
    as_json: JsonOption = False,
) -> None:
    """Make a successor of a key with the same roles; the old one expires after a while."""
    key, presented = _ring(store).rotate(key_id, grace_hours)
    _audit(store, "rotate a key", key=key_id, successor=key.id)
    _show_new(key, presented, as_json)


@keys_app.command()
def expire(
    store: StoreArgument,
    key_id: KeyArgument,
    days: Annotated[float, typer.Option(help="Days until it expires, from now.")],
    as_json: JsonOption = False,
) -> None:
    """Let a key expire after some days, or after more or fewer than before."""
    key = _ring(store).expire(key_id, days)
    _audit(store, "set the end of a key", key=key.id, expires=str(key.expires))
    emit(
        _as_dict(key),
        as_json,
        lambda console: console.print(f"{key.id} expires {key.expires:%Y-%m-%d %H:%M} UTC"),
    )


@keys_app.command()
def revoke(store: StoreArgument, key_id: KeyArgument, as_json: JsonOption = False) -> None:
    """Make a key invalid immediately."""
    key = _ring(store).revoke(key_id)
    _audit(store, "revoke a key", key=key.id)
    emit(_as_dict(key), as_json, lambda console: console.print(f"{key.id} is revoked"))


@keys_app.command()
def token(
    store: StoreArgument,
    user: Annotated[str, typer.Option(help="The user's id.")],
    hours: Annotated[float, typer.Option(help="Hours until it expires.")] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Make a token with which one user sees and changes their own taste, and nobody else's."""
    from bowerbird.serve.protection.user_tokens import sign_user_token

    signed = sign_user_token(_ring(store).token_secret(), user, hours)
    emit({"token": signed}, as_json, lambda console: print(signed))


@keys_app.command("token-secret")
def token_secret(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Print the secret that signs user tokens (JWT, HS256, audience `bowerbird`), for the shop's server."""
    secret = _ring(store).token_secret()
    emit({"secret": secret}, as_json, lambda console: print(secret))


def _ring(store: StoreArgument) -> KeyRing:
    from bowerbird.data.store import Store
    from bowerbird.serve.protection.keys import KeyRing

    return KeyRing(Store.open(store).path)


def _audit(store: StoreArgument, action: str, **details: str) -> None:
    from bowerbird.serve.protection.audit import AuditLog

    AuditLog(store).write(action, LOCAL_CALLER, **details)


def _show_new(key: ApiKey, presented: str, as_json: bool) -> None:
    def show(console: Console) -> None:
        print(presented)
        console.print(f"Roles: {' '.join(key.roles)}. Note the key: it is shown only now.", style="dim")

    emit({**_as_dict(key), "key": presented}, as_json, show)


def _as_dict(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "roles": list(key.roles),
        "created": key.created.isoformat(),
        "expires": key.expires.isoformat() if key.expires else None,
        "state": key.state().value,
        "note": key.note,
    }
