"""An Elasticsearch index as a target."""
