"""Postgres's errors in words that a person may see, and whether a retry can help.

What the server says of a statement (message, detail, hint) is passed on: a person can act on it. Everything that libpq
and psycopg say by themselves is replaced by words of ours, for it quotes host names, addresses and connection strings.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from headrace.errors import CredentialsError, HeadraceError, PermanentError, TransientError
from headrace.postgres.faults import FAULTS, OTHERWISE, REFUSALS, WORDS, Fault, Refusal, Words

_LOST = Words("", Fault.CONNECTION, Refusal.CONNECTION_FAILED, "the connection was lost")
_NO_TEXT = (
    "a name or a value there is no UTF-8, and a database in SQL_ASCII does not say what else it is: correct it there,"
    " or leave it out"
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
"""Names that somebody chose (a host, a role) must not be taken for the server's words."""
_COPY_COLUMN = re.compile(r"^COPY .*, line \d+, column ([^:\n]+)", re.MULTILINE)


def describe(error: psycopg.Error) -> str:
    """Returns the error in words, without any host name, address, password or statement."""
    if not error.sqlstate:
        return _classify_text(error).text
    message = error.diag.message_primary or "the server gave no message"
    if _fault_of(error.sqlstate) is Fault.CONNECTION:
        # The detail of a link to yet another server names its address.
        return message
    column = _copy_column(error.diag.context)
    parts = [f"{message} (column {column})" if column else message, error.diag.message_detail, error.diag.message_hint]
    return ". ".join(part.strip().rstrip(".") for part in parts if part)


def fault(error: psycopg.Error) -> Fault:
    """Returns what kind of fault this is."""
    return _fault_of(error.sqlstate) if error.sqlstate else _classify_text(error).fault


def are_credentials_refused(error: psycopg.Error) -> bool:
    """Whether another password, another user or another certificate may be let in where this one was not."""
    if error.sqlstate:
        return error.sqlstate.startswith("28")
    words = _classify_text(error)
    return words.is_of_login or words.refusal is Refusal.TLS_FAILED


def refusal(error: psycopg.Error) -> Refusal:
    """Returns why there is no way in, of an error that came while connecting."""
    if not error.sqlstate:
        return _classify_text(error).refusal
    prefixes = (error.sqlstate[:length] for length in (5, 2))
    found = (REFUSALS[prefix] for prefix in prefixes if prefix in REFUSALS)
    return next(found, Refusal.CONNECTION_FAILED)


def translate(error: psycopg.Error, what: str) -> PermanentError | TransientError:
    """Returns the error to raise instead; its message starts with `what`, the part that it came from (`source`)."""
    message = f"{what[:1].upper()}{what[1:]}: {describe(error)}"
    if are_credentials_refused(error):
        return CredentialsError(message, part=what)
    return PermanentError(message) if fault(error) in (Fault.ACCESS, Fault.LASTING) else TransientError(message)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raises PermanentError or TransientError for every psycopg.Error within, and for what is no UTF-8.

    Our own errors pass.
    """
    try:
        yield
    except HeadraceError:
        raise
    except psycopg.Error as error:
        raise translate(error, what) from error
    except UnicodeError as error:
        raise PermanentError(f"{what[:1].upper()}{what[1:]}: {_NO_TEXT}") from error


def _fault_of(sqlstate: str) -> Fault:
    prefixes = (sqlstate[:length] for length in (5, 2))
    return next((FAULTS[prefix] for prefix in prefixes if prefix in FAULTS), OTHERWISE)


def _classify_text(error: psycopg.Error) -> Words:
    text = unquoted(error)
    for words in WORDS:
        if re.search(words.pattern, text, re.IGNORECASE):
            return words
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return _LOST
    # A fault in how we use the driver: its text may quote values.
    said = f"the database driver refused the call ({type(error).__name__})"
    return Words("", Fault.LASTING, Refusal.CONNECTION_FAILED, said)


def unquoted(error: psycopg.Error) -> str:
    """Returns the error's own text, for patterns only: a person must not see it."""
    return _QUOTED.sub("''", str(error))


def _copy_column(context: str | None) -> str | None:
    # The rest of the context is left out: it may quote a statement.
    found = _COPY_COLUMN.search(context or "")
    return found.group(1).strip() if found else None
