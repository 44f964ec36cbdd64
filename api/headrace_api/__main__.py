"""`python -m headrace_api` serves the API."""

import sys

from headrace_api.main import main

sys.exit(main())
