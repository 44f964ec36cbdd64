"""What the API does for a call, whatever the route: one module for each noun."""
