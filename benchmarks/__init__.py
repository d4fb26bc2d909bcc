"""Measurements against the peers: every number is a ratio of two times taken in one run on one machine."""
