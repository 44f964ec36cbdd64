"""What libpq's `options` say of the server's row_security, and the same without it. Pure.

Only who reads rows is told, and sets it in each transaction; it is never sent at the login: a pooler in between may
refuse such options.
"""

import re

SEES_ALL, SEES_SOME = "off", "on"
"""Values of the server's row_security: with `off` it refuses a query to which a policy applies."""
_OPTION = re.compile(r"(?:-c\s*|--)row[_-]security=(\S+)")
_TRUE = frozenset({"on", "true", "yes", "1"})


def asked_in(options: str) -> str | None:
    """What they ask for; None: nothing."""
    found = _OPTION.findall(options)
    if not found:
        return None
    return SEES_SOME if found[-1].lower() in _TRUE else SEES_ALL


def without(options: str) -> str:
    """All else that they say."""
    return _OPTION.sub("", options).strip() if _OPTION.search(options) else options


def asking(options: str, row_security: str | None) -> str:
    """The same options, and nothing asked for but `row_security`; None: nothing."""
    more = "" if row_security is None else f" -c row_security={row_security}"
    return f"{without(options)}{more}".lstrip()
