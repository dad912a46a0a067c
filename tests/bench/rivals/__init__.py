"""Other people's systems, started by the bench and talked to by the same client."""
