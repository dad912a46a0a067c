"""Fitting the probe that tells requests of the eyes from everything else."""
