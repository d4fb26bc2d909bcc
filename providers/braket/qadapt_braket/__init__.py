"""qadapt-braket: exact simulation by Amazon Braket's SDK; it registers itself as the provider ``braket``."""
