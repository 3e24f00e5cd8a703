"""Certificates and their independent check: a reading of the gates and a solver of its own, none of the engine."""

from sandgrain.check._obligations import CheckLimits, Obligation
from sandgrain.check.certificate import (
    Certificate,
    CertificateLimits,
    Literal,
    Related,
    network_digest,
    parse,
    terms_digest,
    write,
)
from sandgrain.check.checker import Checked, check
from sandgrain.check.errors import CertificateError

__all__ = [
    "Certificate",
    "CertificateError",
    "CertificateLimits",
    "CheckLimits",
    "Checked",
    "Literal",
    "Obligation",
    "Related",
    "check",
    "network_digest",
    "parse",
    "terms_digest",
    "write",
]
