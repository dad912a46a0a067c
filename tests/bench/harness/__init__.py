"""The client's side of a measurement: a real peer with a clock, and a server of known delay."""
