"""RFC 3161 timestamps: an authority's word that a file existed at a time. Optional; read offline."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path, PurePath

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from sandgrain.errors import LimitExceeded
from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency._durable import write_durably
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.limits import LIMITS


def timestamp_request(data: bytes) -> bytes:
    """The request (``.tsq``) for a timestamp over ``data``, to be sent to an authority."""
    return TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()


def read_roots(paths: Sequence[Path]) -> list[x509.Certificate]:
    """The root certificates of authorities, PEM.

    Raises:
        EvidenceError: a file has none.
    """
    roots: list[x509.Certificate] = []
    for path in paths:
        data = read_bounded(path, LIMITS.timestamp_bytes, "timestamp_bytes", "certificate")
        try:
            roots += x509.load_pem_x509_certificates(data)
        except ValueError as error:
            raise EvidenceError("this is no certificate", file=path, expected="X.509 in PEM") from error
    return roots


def timestamped_at(
    response: bytes, data: bytes, roots: Sequence[x509.Certificate], file: PurePath | str
) -> datetime.datetime:
    """The time at which an authority saw ``data``.

    Raises:
        EvidenceError: the timestamp is none, of something else, or of an authority below none of ``roots``.
    """
    if len(response) > LIMITS.timestamp_bytes:
        raise LimitExceeded("the timestamp is larger than allowed", file=file, expected="timestamp_bytes")
    if not roots:
        raise EvidenceError(
            "no authority is trusted", file=file, expected="a root certificate", remedy="--tsa CERT.pem"
        )
    builder = VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        decoded = decode_timestamp_response(response)
        builder.build().verify_message(decoded, data)
        return decoded.tst_info.gen_time
    except (VerificationError, ValueError, AttributeError) as error:
        raise EvidenceError(f"the timestamp does not verify: {error}", file=file) from error


def write_request(file: Path, out: Path) -> None:
    """Write the request for a timestamp over a file.

    Raises:
        EvidenceError: the file cannot be read or is empty.
        StorageError: the request cannot be written.
    """
    data = read_bounded(file, LIMITS.envelope_bytes, "envelope_bytes", "file")
    if not data:
        raise EvidenceError("the file is empty", file=file)
    write_durably(out, timestamp_request(data))
