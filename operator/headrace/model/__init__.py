"""The custom resources as pydantic models; CRDs and reference pages are generated from them."""
