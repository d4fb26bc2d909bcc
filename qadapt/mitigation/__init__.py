"""Mitigation: errors made smaller by what else is run and by what is computed from counts; each part is optional."""

from qadapt.mitigation.confusion import Confusion
from qadapt.mitigation.depolarising import Strength
from qadapt.mitigation.experiment import mitigate
from qadapt.mitigation.mitigated import Mitigated
from qadapt.mitigation.mitigation import Mitigation

__all__ = ["Confusion", "Mitigated", "Mitigation", "Strength", "mitigate"]
