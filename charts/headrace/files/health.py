"""What `helm test` runs: asks an address until it answers 200, or the time is over. Needs nothing but Python."""

import sys
import time
import urllib.error
import urllib.request

url, seconds = sys.argv[1], float(sys.argv[2])
deadline = time.monotonic() + seconds
while True:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the values' schema takes http(s) only
            sys.stdout.write(f"{answer.status} {url} {answer.read().decode(errors='replace')}\n")
            sys.exit(0)
    except urllib.error.HTTPError as error:
        said = f"{error.code} {url} {error.read().decode(errors='replace')}"
    except OSError as error:
        said = f"{url}: {error}"
    if time.monotonic() > deadline:
        sys.exit(said)
    time.sleep(1)
