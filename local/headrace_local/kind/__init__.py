"""Headrace on a cluster of kind's, where there is Docker."""
