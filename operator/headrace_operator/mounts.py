"""Where a run's pod finds how source and target are reached: one file for each key of the run's Secret."""

MOUNT = "/etc/headrace/connections"
SOURCE, TARGET, ELASTICSEARCH = "source", "target", "elasticsearch"
