"""Everything on one machine: cluster, Postgres and platform for demo, development and tests."""
