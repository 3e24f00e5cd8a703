"""What the vendor hands over: the manifest, the files, and limits for hostile input."""

from sandgrain.submission.expression import Binary, Constant, Expression, Signal, Unary, parse, signals, to_verilog
from sandgrain.submission.intake import Submission, SubmittedFile, load
from sandgrain.submission.limits import IntakeLimits
from sandgrain.submission.manifest import MANIFEST_NAME, FileRole, Manifest, manifest_json_schema

__all__ = [
    "MANIFEST_NAME",
    "Binary",
    "Constant",
    "Expression",
    "FileRole",
    "IntakeLimits",
    "Manifest",
    "Signal",
    "Submission",
    "SubmittedFile",
    "Unary",
    "load",
    "manifest_json_schema",
    "parse",
    "signals",
    "to_verilog",
]
