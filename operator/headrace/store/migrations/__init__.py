"""The store's schema, a file a step; steps that were released never change."""
