"""A conversation with a Counterpoint server in Python: speak, listen, steer."""
