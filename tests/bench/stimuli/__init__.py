"""Stimuli with exact labels, generated from a seed. Never imported by training."""
