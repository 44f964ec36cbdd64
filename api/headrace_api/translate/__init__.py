"""Resources into what callers see, and back; pure."""
