"""What can go wrong with a certificate."""

from __future__ import annotations

from sandgrain.errors import SandgrainError


class CertificateError(SandgrainError):
    """A text is no certificate, or what a certificate would have to show cannot be stated for this submission."""
