"""The metrics of the bench: pure functions over what the client saw."""
