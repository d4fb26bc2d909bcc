"""Loopback clouds: servers that speak a vendor's wire protocol to its own client, and go wrong on demand."""
