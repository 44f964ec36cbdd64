"""Postgres as all roles meet it: connections that notice a dead peer, pools with limits, and errors in words."""
