"""`python -m headrace_local`."""

from headrace_local.cli import main

main()
