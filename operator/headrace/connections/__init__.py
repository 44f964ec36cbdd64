"""From a source or destination and its Secrets to what a client needs to connect. Pure."""
