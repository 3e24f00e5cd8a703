"""Keys and the roles they sign in.

A public key is a file of the form of RFC 7468: a PEM block behind two lines that say role and name, which every reader
of PEM skips. A private key is the same with a PKCS#8 block. Signing is done by ``securesystemslib``, from a file, from
an environment variable, or by a hardware module behind PKCS#11; nothing here prints, logs or copies a private key.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path, PurePath

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import CryptoSigner, Signer, SSlibKey

from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency._durable import write_durably
from sandgrain.transparency.errors import EvidenceError, KeyFileError
from sandgrain.transparency.limits import LIMITS

PASSPHRASE_VARIABLE = "SANDGRAIN_PASSPHRASE"  # noqa: S105 - the name of a variable, not what is in it
PIN_VARIABLE = "SANDGRAIN_PIN"

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n")
_HEADER = re.compile(r"Sandgrain-(Role|Name|Signer): ([^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?)")
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")


class Role(StrEnum):
    """Who signs."""

    VENDOR = "vendor"
    EXAMINER = "examiner"
    AUDITOR = "auditor"
    WITNESS = "witness"
    LOG = "log"


class Algorithm(StrEnum):
    """How a key signs."""

    ED25519 = "ed25519"
    ECDSA_P256 = "ecdsa-p256"


@dataclass(frozen=True)
class PublicKey:
    """A public key and whose it is.

    Attributes:
        role: in which its owner signs.
        name: of its owner, without white space and ``+``; the key name of signed notes.
        key: Ed25519, or ECDSA on P-256 with SHA-256.
    """

    role: Role
    name: str
    key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey = field(repr=False)

    @cached_property
    def keyid(self) -> str:
        """SHA-256 of the key's SubjectPublicKeyInfo in DER, hexadecimal."""
        return hashlib.sha256(self._encoded(serialization.Encoding.DER)).hexdigest()

    @property
    def algorithm(self) -> Algorithm:
        """How it signs."""
        return Algorithm.ED25519 if isinstance(self.key, ed25519.Ed25519PublicKey) else Algorithm.ECDSA_P256

    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key (RFC 8032, 5.1.5).

        Raises:
            KeyFileError: it is another kind of key.
        """
        if not isinstance(self.key, ed25519.Ed25519PublicKey):
            raise KeyFileError(f"the key of {self.name} is {self.algorithm}", expected="an Ed25519 key")
        return self.key.public_bytes_raw()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` is this key's over ``message``."""
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                self.key.verify(signature, message)
            else:
                self.key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def to_bytes(self) -> bytes:
        """The content of a ``.pub`` file."""
        return _headed(self.role, self.name) + self._encoded(serialization.Encoding.PEM)

    def sslib(self) -> SSlibKey:
        """The key as ``securesystemslib`` knows it."""
        return SSlibKey.from_crypto(self.key, keyid=self.keyid)

    def _encoded(self, encoding: serialization.Encoding) -> bytes:
        return self.key.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class SigningKey:
    """A private key, wherever it is, and its public half."""

    public: PublicKey
    _signer: Signer = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message``: 64 bytes of Ed25519, or ECDSA in DER.

        Raises:
            KeyFileError: the hardware module refused.
        """
        try:
            return bytes.fromhex(self._signer.sign(message).signature)
        except (UnsupportedLibraryError, ValueError, RuntimeError) as error:
            raise KeyFileError(f"the key of {self.public.name} cannot sign: {type(error).__name__}") from error


def generate(role: Role, name: str, algorithm: Algorithm = Algorithm.ED25519) -> tuple[PublicKey, bytes]:
    """A new key: its public half, and the content of its private key file.

    The private key is encrypted when the environment variable ``SANDGRAIN_PASSPHRASE`` is set.

    Raises:
        KeyFileError: the name has white space or ``+``, or a witness or log is to sign with ECDSA.
    """
    if not _NAME.fullmatch(name):
        raise KeyFileError(
            f"{name!a} is no name of a key", expected="up to 200 characters without white space and +", remedy="choose"
        )
    if role in (Role.WITNESS, Role.LOG) and algorithm is not Algorithm.ED25519:
        raise KeyFileError(
            f"a {role} signs with Ed25519", expected="ed25519, as the formats of checkpoints and cosignatures demand"
        )
    private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    if algorithm is Algorithm.ED25519:
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = ec.generate_private_key(ec.SECP256R1())
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    block = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return PublicKey(role, name, private.public_key()), _headed(role, name) + block


def write_key(path: Path, public: PublicKey, private: bytes) -> Path:
    """Write a private key with mode 0600 and its public half beside it; returns where the public half is.

    Raises:
        KeyFileError: there is something at either place already.
    """
    beside = path.with_suffix(".pub")
    for taken in (path, beside):
        if os.path.lexists(taken):
            raise KeyFileError(
                "there is something here already", file=taken, expected="a new file", remedy="a key is never replaced"
            )
    write_durably(path, private, mode=0o600)
    write_durably(beside, public.to_bytes())
    return beside


def read_public(path: Path) -> PublicKey:
    """The public key in a ``.pub`` file.

    Raises:
        KeyFileError: it is none.
    """
    data = read_bounded(path, LIMITS.key_bytes, "key_bytes", "public key")
    return public_of(data, path)


def public_of(data: bytes, file: PurePath | str) -> PublicKey:
    """The public key in the content of a ``.pub`` file; the content is exactly what :meth:`~PublicKey.to_bytes` writes.

    Raises:
        KeyFileError: it is none.
    """
    headers, kind, block = _split(data, file)
    if kind != "PUBLIC KEY":
        raise KeyFileError(f"this is a {kind.lower()}", file=file, expected="a public key", remedy="pass the .pub file")
    key = _known(_load_public(block, file), headers, file)
    if key.to_bytes() != data:
        raise KeyFileError("the file is not as it was written", file=file, expected="a .pub file of `sandgrain keygen`")
    return key


def read_signing(where: str) -> SigningKey:
    """The private key at a path, in the environment variable after ``env:``, or in the module a file points to.

    Raises:
        KeyFileError: it cannot be read or used, or others may read the file.
    """
    if where.startswith("env:"):
        name = where.removeprefix("env:")
        text = os.environ.get(name)
        if text is None:
            raise KeyFileError(f"the environment variable {name} is not set", expected="the content of a key file")
        return _signing(text.encode(), where)
    path = Path(where)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"the key cannot be read: {error.strerror}", file=path) from error
    if not stat.S_ISREG(mode):
        raise KeyFileError("this is not a regular file", file=path, expected="a key file")
    try:
        data = read_bounded(path, LIMITS.key_bytes, "key_bytes", "private key")
    except EvidenceError as error:
        raise KeyFileError(error.what, file=path) from error
    key = _signing(data, path)
    if mode & 0o077 and isinstance(key._signer, CryptoSigner):  # noqa: SLF001 - own class
        raise KeyFileError(
            "others may read this private key",
            file=path,
            expected="mode 0600",
            remedy="chmod 600, and think about whether somebody has read it",
        )
    return key


def module_key(public: PublicKey, uri: str) -> bytes:
    """The content of a key file that points to a key in a hardware module, e.g. ``hsm:2?label=sandgrain``."""
    return b"Sandgrain-Signer: " + uri.encode() + b"\n" + public.to_bytes()


def _signing(data: bytes, file: PurePath | str) -> SigningKey:
    headers, kind, block = _split(data, file)
    if "Signer" in headers:
        public = _known(_load_public(block, file), headers, file)
        return SigningKey(public, _module_signer(headers["Signer"], public, file))
    if kind not in ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        raise KeyFileError(
            f"this is a {kind.lower()}", file=file, expected="a private key", remedy="pass the .key file"
        )
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) if kind.startswith("ENCRYPTED") else None
    if kind.startswith("ENCRYPTED") and not passphrase:
        raise KeyFileError(
            "the private key is encrypted", file=file, remedy=f"put its passphrase into {PASSPHRASE_VARIABLE}"
        )
    try:
        private = serialization.load_pem_private_key(block, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without its cause: the message of a parser may quote what it could not read.
        raise KeyFileError(
            "the private key cannot be read", file=file, expected="PKCS#8 in PEM, and the right passphrase"
        ) from None
    if not isinstance(private, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyFileError("this kind of key is not used here", file=file, expected="Ed25519 or ECDSA on P-256")
    public = _known(private.public_key(), headers, file)
    return SigningKey(public, CryptoSigner(private, public.sslib()))


def _module_signer(uri: str, public: PublicKey, file: PurePath | str) -> Signer:
    try:
        return Signer.from_priv_key_uri(uri, public.sslib(), lambda _: os.environ.get(PIN_VARIABLE, ""))
    except (UnsupportedLibraryError, ValueError, RuntimeError, ImportError) as error:
        raise KeyFileError(
            f"the hardware module cannot be used: {type(error).__name__}",
            file=file,
            expected=f"python-pkcs11, PYKCS11LIB naming the module, and the PIN in {PIN_VARIABLE}",
            remedy="pip install sandgrain[hsm]",
        ) from error


def _split(data: bytes, file: PurePath | str) -> tuple[dict[str, str], str, bytes]:
    """The headers, the kind of the one PEM block, and the block."""
    blocks = list(_BLOCK.finditer(data))
    if len(blocks) != 1:
        raise KeyFileError(
            "this is no key",
            file=file,
            expected="one PEM block, as `sandgrain keygen` writes",
            remedy="sandgrain keygen",
        )
    text = data[: blocks[0].start()].decode("utf-8", errors="replace")
    headers = {match[1]: match[2] for match in map(_HEADER.fullmatch, text.splitlines()) if match}
    return headers, blocks[0][1].decode(), blocks[0][0]


def _load_public(block: bytes, file: PurePath | str) -> object:
    try:
        return serialization.load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError("the public key cannot be read", file=file, expected="PEM") from error


def _known(key: object, headers: dict[str, str], file: PurePath | str) -> PublicKey:
    try:
        role, name = Role(headers["Role"]), headers["Name"]
    except (KeyError, ValueError) as error:
        raise KeyFileError(
            "the key does not say in which role it signs",
            file=file,
            expected=f"a line `Sandgrain-Role: ROLE` ({', '.join(Role)}) and a line `Sandgrain-Name: NAME`",
        ) from error
    if not _NAME.fullmatch(name):
        raise KeyFileError("the name of the key has white space or +", file=file)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return PublicKey(role, name, key)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return PublicKey(role, name, key)
    raise KeyFileError("this kind of key is not used here", file=file, expected="Ed25519 or ECDSA on P-256")


def _headed(role: Role, name: str) -> bytes:
    return f"Sandgrain-Role: {role}\nSandgrain-Name: {name}\n".encode()
