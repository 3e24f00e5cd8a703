"""Keys: who may sign what, where private keys come from, and that they stay private."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.errors import SandgrainError
from sandgrain.transparency.errors import EvidenceError, KeyFileError, StorageError
from sandgrain.transparency.keys import (
    Algorithm,
    Role,
    generate,
    module_key,
    public_of,
    read_public,
    read_signing,
    write_key,
)
from sandgrain.transparency.module_keys import import_module_key
from sandgrain.transparency.seal import seal
from tests.transparency.world import QUIET, World, make_key, make_submission


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_is_written_read_and_signs(tmp_path: Path, algorithm: Algorithm) -> None:
    made = make_key(tmp_path, Role.VENDOR, "v.example", algorithm)
    assert (tmp_path / "v.example.key").stat().st_mode & 0o777 == 0o600
    public = read_public(tmp_path / "v.example.pub")
    assert public == made.public
    assert public.algorithm is algorithm
    signature = made.sign(b"message")
    assert public.verifies(signature, b"message")
    assert not public.verifies(signature, b"massage")
    assert not public.verifies(b"\0" * len(signature), b"message")


def test_other_tools_read_the_public_key(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key = make_key(tmp_path, Role.VENDOR, "v.example", Algorithm.ECDSA_P256)
    (tmp_path / "m").write_bytes(b"message")
    (tmp_path / "s").write_bytes(key.sign(b"message"))
    command = [openssl, "dgst", "-sha256", "-verify", str(tmp_path / "v.example.pub"), "-signature"]
    done = subprocess.run([*command, str(tmp_path / "s"), str(tmp_path / "m")], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    make_key(tmp_path, Role.VENDOR, "v")
    before = (tmp_path / "v.key").read_bytes()
    with pytest.raises(KeyFileError, match="already"):
        write_key(tmp_path / "v.key", *generate(Role.VENDOR, "v"))
    assert (tmp_path / "v.key").read_bytes() == before


def test_others_may_not_read_a_private_key(tmp_path: Path) -> None:
    make_key(tmp_path, Role.VENDOR, "v")
    (tmp_path / "v.key").chmod(0o640)
    with pytest.raises(KeyFileError, match="others may read"):
        read_signing(str(tmp_path / "v.key"))


def test_a_key_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_key(tmp_path, Role.VENDOR, "v")
    monkeypatch.setenv("VENDOR_KEY", (tmp_path / "v.key").read_text())
    assert read_signing("env:VENDOR_KEY").public == made.public
    with pytest.raises(KeyFileError, match="not set"):
        read_signing("env:NOTHING")


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDGRAIN_PASSPHRASE", "correct horse")
    made = make_key(tmp_path, Role.VENDOR, "v")
    assert b"ENCRYPTED PRIVATE KEY" in (tmp_path / "v.key").read_bytes()
    assert read_signing(str(tmp_path / "v.key")).public == made.public
    monkeypatch.setenv("SANDGRAIN_PASSPHRASE", "wrong")
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_signing(str(tmp_path / "v.key"))
    monkeypatch.delenv("SANDGRAIN_PASSPHRASE")
    with pytest.raises(KeyFileError, match="encrypted"):
        read_signing(str(tmp_path / "v.key"))


def test_a_private_key_appears_in_no_message(tmp_path: Path) -> None:
    made = make_key(tmp_path, Role.VENDOR, "v")
    secret = (tmp_path / "v.key").read_text().splitlines()[3]
    assert secret not in f"{made!r} {made} {made.public!r}"
    broken = (tmp_path / "v.key").read_text().replace(secret, secret[:-8] + "AAAAAAA=")
    (tmp_path / "v.key").write_text(broken)
    with pytest.raises(KeyFileError) as raised:
        read_signing(str(tmp_path / "v.key"))
    assert secret[8:40] not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_secret_is_not_sealed_with_the_others(tmp_path: Path) -> None:
    submission = make_submission(tmp_path / "s")
    vendor = make_key(tmp_path / "keys", Role.VENDOR, "v")
    seal(submission, [vendor], QUIET)
    shutil.copy(tmp_path / "keys" / "v.key", submission / "notes" / "key.txt")
    with pytest.raises(EvidenceError, match="a secret"):
        seal(submission, [vendor], QUIET)


@pytest.mark.parametrize("role", [Role.WITNESS, Role.LOG])
def test_witnesses_and_logs_sign_with_ed25519(role: Role) -> None:
    with pytest.raises(KeyFileError, match="Ed25519"):
        generate(role, "x", Algorithm.ECDSA_P256)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb", "x" * 201])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(KeyFileError):
        generate(Role.VENDOR, name)


def test_private_and_public_are_not_taken_for_each_other(world: World) -> None:
    with pytest.raises(KeyFileError, match="private key"):
        read_public(world.keys / "vendor.example.key")
    with pytest.raises(KeyFileError, match="public key"):
        read_signing(str(world.keys / "vendor.example.pub"))
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_signing(str(world.keys / "none.key"))


def test_an_altered_public_key_is_refused(world: World) -> None:
    data = (world.keys / "vendor.example.pub").read_bytes()
    assert public_of(data, "x").to_bytes() == data
    for other in (
        data.replace(b"vendor\n", b"judge\n", 1),
        data.replace(b"Sandgrain-Role", b"Sandgrain-Rule"),
        data + b"\n",
        b"# a comment\n" + data,
        data.replace(b"vendor.example", b"vendor example"),
        data + data,
        data.replace(b"MCow", b"MCox"),
        b"",
    ):
        with pytest.raises(KeyFileError):
            public_of(other, "x")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_key_or_refused(data: bytes) -> None:
    block = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(data) + b"\n-----END PUBLIC KEY-----\n"
    for text in (data, block, b"Sandgrain-Role: vendor\nSandgrain-Name: v\n" + block):
        with pytest.raises(SandgrainError):
            public_of(text, "x")


def test_a_missing_module_is_told(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYKCS11LIB", str(tmp_path / "none.so"))
    with pytest.raises(KeyFileError, match="hardware module"):
        import_module_key(Role.VENDOR, "v", "token")
    path = tmp_path / "module.key"
    path.write_bytes(module_key(world.examiner.public, "hsm:2?label=token"))
    with pytest.raises(KeyFileError, match="hardware module|cannot sign"):
        read_signing(str(path)).sign(b"x")


def test_a_key_in_a_hardware_module_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With SoftHSM, where it and python-pkcs11 are installed."""
    pkcs11 = pytest.importorskip("pkcs11")
    tool = shutil.which("softhsm2-util")
    library = next(Path("/usr/lib").glob("**/libsofthsm2.so"), None)
    if tool is None or library is None:
        pytest.skip("softhsm2 is not installed")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    monkeypatch.setenv("PYKCS11LIB", str(library))
    monkeypatch.setenv("SANDGRAIN_PIN", "1234")
    command = [tool, "--init-token", "--free", "--label", "vendor", "--pin", "1234", "--so-pin", "5678"]
    subprocess.run(command, check=True, capture_output=True)
    with pkcs11.lib(str(library)).get_token(token_label="vendor").open(rw=True, user_pin="1234") as session:
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: pkcs11.util.ec.encode_named_curve_parameters("secp256r1")},
            local=True,
        )
        parameters.generate_keypair(id=b"\x02", store=True)
    public, content = import_module_key(Role.VENDOR, "vendor.example", "vendor")
    write_key(tmp_path / "v.key", public, content)
    key = read_signing(str(tmp_path / "v.key"))
    assert key.public.verifies(key.sign(b"message"), b"message")
    submission = make_submission(tmp_path / "s")
    assert seal(submission, [key], QUIET).envelope.signatures[0][0] == public.keyid


def test_a_key_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_key(tmp_path / "file" / "v.key", *generate(Role.VENDOR, "v"))
