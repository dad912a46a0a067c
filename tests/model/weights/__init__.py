"""Tests of the store of pretrained parts."""
