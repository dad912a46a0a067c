"""Suite `visual`, metric 8: what is seen over a real video track, with exact labels."""
