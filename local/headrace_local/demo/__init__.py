"""What `make demo` and `make demo-chart` show."""
