"""Keys that never leave a hardware module, found through PKCS#11."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import HSMSigner

from sandgrain.transparency.errors import KeyFileError
from sandgrain.transparency.keys import PIN_VARIABLE, PublicKey, Role, module_key


def import_module_key(role: Role, name: str, label: str) -> tuple[PublicKey, bytes]:
    """The key with id 2 on the token with this label, in the module that ``PYKCS11LIB`` names.

    Returns:
        Its public half, and the content of a key file that points to it.

    Raises:
        KeyFileError: there is no module, no such key, or it is not ECDSA on P-256.
    """
    try:
        uri, found = HSMSigner.import_(None, label, lambda _: os.environ.get(PIN_VARIABLE, ""))
    except (UnsupportedLibraryError, ValueError, RuntimeError, ImportError) as error:
        raise KeyFileError(
            f"the hardware module cannot be used: {type(error).__name__}",
            expected="python-pkcs11 installed, PYKCS11LIB naming the module, one token with this label",
            remedy="pip install sandgrain[hsm]",
        ) from error
    key = load_pem_public_key(found.keyval["public"].encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyFileError("the key in the module is of another kind", expected="ECDSA on P-256")
    public = PublicKey(role, name, key)
    return public, module_key(public, uri)
