"""`python -m headrace_operator`: runs the operator until a signal ends it."""

import asyncio
import sys

from pydantic import ValidationError

from headrace_operator.main import serve
from headrace_operator.settings import Settings


def main() -> None:
    """Reads the settings, or says in a line which of them is wrong."""
    try:
        settings = Settings()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        sys.exit(f"headrace-operator: {faults}")
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
