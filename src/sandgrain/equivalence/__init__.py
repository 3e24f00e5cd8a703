"""RTL = netlist: a proof by corresponding registers that anybody can check, or a run in which they differ."""

from sandgrain.equivalence.compare import CompareOptions, compare_linked, compare_rtl_netlist
from sandgrain.equivalence.outcome import ComparedPoint, Counterexample, Equivalence
from sandgrain.equivalence.submitted import compare_submission

__all__ = [
    "CompareOptions",
    "ComparedPoint",
    "Counterexample",
    "Equivalence",
    "compare_linked",
    "compare_rtl_netlist",
    "compare_submission",
]
