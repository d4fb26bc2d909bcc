"""Origin Quantum for qadapt, through pyQPanda3."""
