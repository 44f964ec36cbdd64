"""Previews: runs of no pipeline, for which somebody waits. What is planned is pure, what is done is at the edge."""
