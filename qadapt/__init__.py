"""qadapt."""
