"""What the Helm chart's values are, and the files that are made from that: values.yaml, its schema, the docs' page."""
