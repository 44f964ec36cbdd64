"""The core that the roles share: resources, the state machine, the store."""
