"""Source queries as text: is it one SELECT, which parameters does it have, how are they bound. Asks no server."""
