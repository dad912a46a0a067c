"""Scripts of two-party conversations to audio, with labels that are exact by construction."""
