"""The calls under the API's prefix, one module for each noun."""
