"""The state machine, pure: what is, what it means, what is to be done. No client, no clock, no await."""
