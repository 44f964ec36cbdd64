"""Settings that source and target must agree on: each changes how a value reads as text, and keys travel as text."""

PINNED = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    # A database may ask for serializable transactions, and a deferrable one waits for all others of that kind.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "xmloption": "content",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    # How money looks, and how many digits of it are cents.
    "lc_monetary": "C",
}
