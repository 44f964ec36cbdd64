"""A real Elasticsearch without an image: its program, put together once, and nodes of it."""
