"""When a schedule is due, and what is to be done about it. Pure: no clock, no I/O but the time zone database."""
