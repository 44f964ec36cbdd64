"""What source and target have in common where both are Postgres."""
