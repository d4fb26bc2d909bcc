"""Options in the name of a target."""

from __future__ import annotations

from itertools import combinations

import pytest

from qadapt.errors import TargetError
from qadapt_origin.options import NAMES, Options, parsed


def test_everything_is_off_unless_it_is_named() -> None:
    assert parsed("WK_C180") == ("WK_C180", Options())
    assert not any(vars(Options()).values())


def test_each_option_turns_on_itself_and_nothing_else() -> None:
    for size in range(1, len(NAMES) + 1):
        for names in combinations(NAMES, size):
            chip, options = parsed("+".join(["WK_C180_2", *reversed(names)]))
            assert chip == "WK_C180_2"
            assert {name for name in NAMES if getattr(options, name)} == set(names)


@pytest.mark.parametrize("name", ["WK+amend", "WK+", "WK+Mapping", "WK+mapping+mapping", "WK++mapping"])
def test_other_options_are_refused(name: str) -> None:
    with pytest.raises(TargetError, match="mapping, optimisation, correction"):
        parsed(name)
