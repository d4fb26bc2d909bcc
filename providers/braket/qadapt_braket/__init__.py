"""qadapt-braket: machines, simulators and the emulator of Amazon Braket, as the provider ``braket``."""
