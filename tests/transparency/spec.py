"""A verifier written from the published formats alone: RFC 6962, DSSE, in-toto, C2SP notes, tiles and proofs.

It uses hashlib and cryptography and nothing of Sandgrain, and takes the slow, literal way wherever the text has one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key


class Wrong(Exception):
    """Something is not as it should be."""


def need(condition: object, what: str) -> None:
    if not condition:
        raise Wrong(what)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# --- RFC 6962, 2.1 ---------------------------------------------------------------------------------------------------


def mth(leaves: list[bytes]) -> bytes:
    """The Merkle Tree Hash over hashes of leaves."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) <= 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return [*proof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], False), mth(leaves[:k])]


def included(leaf: bytes, m: int, n: int, nodes: list[bytes]) -> bytes:
    """The root that an audit path leads to, by the recursion that defines the path."""
    if n == 1:
        need(not nodes, "a path that is too long")
        return leaf
    need(nodes, "a path that is too short")
    k = 1
    while k * 2 < n:
        k *= 2
    if m < k:
        return sha(b"\x01" + included(leaf, m, k, nodes[:-1]) + nodes[-1])
    return sha(b"\x01" + nodes[-1] + included(leaf, m - k, n - k, nodes[:-1]))


# --- keys and DSSE ---------------------------------------------------------------------------------------------------


class Keys:
    """Public keys by id, with name and role, from PEM files with two lines before the block."""

    def __init__(self, files: list[Path]) -> None:
        self.by_id: dict[str, tuple[str, str, Any]] = {}
        for file in files:
            text = file.read_text()
            role, name = (line.partition(": ")[2] for line in text.splitlines()[:2])
            key = load_pem_public_key(text.encode())
            der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            self.by_id[hashlib.sha256(der).hexdigest()] = (role, name, key)

    def of_role(self, role: str) -> list[tuple[str, Any]]:
        return [(name, key) for known, name, key in self.by_id.values() if known == role]


def check(key: Any, signature: bytes, message: bytes) -> None:
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey)
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Wrong("a signature does not verify") from error


def b64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Wrong("no base64") from error
    need(base64.b64encode(data).decode() == text, "another spelling of base64")
    return data


def plain(data: bytes) -> Any:
    """JSON in its canonical spelling."""
    try:
        value = json.loads(data)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    except ValueError as error:
        raise Wrong("no JSON") from error
    need(again == data, "another spelling of JSON")
    return value


def statement(data: bytes, keys: Keys, role: str) -> Any:
    """The statement in a DSSE envelope that somebody of this role signed, and nobody else."""
    value = plain(data)
    need(isinstance(value, dict) and set(value) == {"payload", "payloadType", "signatures"}, "no envelope")
    kind, payload = value["payloadType"], b64(value["payload"])
    need(kind == "application/vnd.in-toto+json", "another payload")
    pae = b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(payload), payload)
    need(value["signatures"], "no signature")
    for one in value["signatures"]:
        need(set(one) == {"keyid", "sig"} and one["keyid"] in keys.by_id, "a key nobody knows")
        known, _, key = keys.by_id[one["keyid"]]
        need(known == role, "a signer of another role")
        check(key, b64(one["sig"]), pae)
    inner = plain(payload)
    need(set(inner) == {"_type", "subject", "predicateType", "predicate"}, "no statement")
    need(inner["_type"] == "https://in-toto.io/Statement/v1", "another statement")
    return inner


# --- seal and receipt ------------------------------------------------------------------------------------------------


def seal_holds(data: bytes, keys: Keys) -> Any:
    inner = statement(data, keys, "vendor")
    need(inner["predicateType"] == "urn:sandgrain:seal:1", "no seal")
    said = inner["predicate"]
    leaves = [
        sha(b"\x00" + bytes.fromhex(one["digest"]["sha256"]) + size.to_bytes(8, "big") + one["name"].encode())
        for one, size in zip(inner["subject"], said["sizes"], strict=True)
    ]
    need(mth(leaves).hex() == said["root"], "another root")
    return inner


def files_hold(root: Path, seal: Any) -> None:
    sealed = {
        one["name"]: (one["digest"]["sha256"], size)
        for one, size in zip(seal["subject"], seal["predicate"]["sizes"], strict=True)
    }
    found = {}
    for file in root.rglob("*"):
        name = file.relative_to(root).as_posix()
        if file.is_file() and not name.startswith(("seal/", "certificates/")):
            data = file.read_bytes()
            found[name] = (hashlib.sha256(data).hexdigest(), len(data))
    need(found == sealed, "other files")
    marks = (root / "seal" / "prefixes.bin").read_bytes()
    need(hashlib.sha256(marks).hexdigest() == seal["predicate"]["prefixes"], "other prefix digests")


def receipt_holds(data: bytes, keys: Keys, submission: Path) -> bytes:
    inner = statement(data, keys, "examiner")
    need(inner["predicateType"] == "urn:sandgrain:receipt:1", "no receipt")
    sealed = b64(inner["predicate"]["seal"])
    need(inner["subject"][0]["digest"]["sha256"] == hashlib.sha256(sealed).hexdigest(), "another seal")
    seal = seal_holds(sealed, keys)
    for name, field in (("name", "name"), ("submission", "submission"), ("root", "root")):
        need(inner["predicate"][name] == seal["predicate"][field], "says other than the seal")
    file = submission / "seal" / "seal.dsse.json"
    need(file.is_file() and file.read_bytes() == sealed, "the seal here is another")
    files_hold(submission, seal)
    return hashlib.sha256(data).digest()


# --- notes, checkpoints, cosignatures --------------------------------------------------------------------------------


def checkpoint(data: bytes, keys: Keys, witnesses: int) -> tuple[str, int, bytes]:
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise Wrong("no UTF-8") from error
    need(not any(sign < " " and sign != "\n" for sign in whole), "a control character")
    text, separator, lines = whole.rpartition("\n\n")
    need(separator and lines.endswith("\n"), "no note")
    body = text + "\n"
    origin, size, root, *_ = body.split("\n")
    need(size == str(int(size)) if size.isdecimal() else False, "no size")
    need(len(b64(root)) == 32, "no root")
    signed, cosigned = 0, 0
    seen = set()
    for line in lines[:-1].split("\n"):
        need(line.startswith("\u2014 ") and line.count(" ") == 2, "no signature line")
        _, name, blob = line.split(" ")
        raw = b64(blob)
        need((name, raw[:4]) not in seen, "a signature twice")
        seen.add((name, raw[:4]))
        for known, key in keys.of_role("log"):
            identity = sha(known.encode() + b"\n\x01" + key.public_bytes_raw())[:4]
            if (name, raw[:4]) == (known, identity) and known == origin:
                check(key, raw[4:], body.encode())
                signed += 1
        for known, key in keys.of_role("witness"):
            identity = sha(known.encode() + b"\n\x04" + key.public_bytes_raw())[:4]
            if (name, raw[:4]) == (known, identity):
                time = int.from_bytes(raw[4:12], "big")
                check(key, raw[12:], f"cosignature/v1\ntime {time}\n{body}".encode())
                cosigned += 1
    names = [line.split(" ")[1] for line in lines[:-1].split("\n")]
    need(names[0] == origin and names[1:] == sorted(names[1:]), "signatures in another order than they are written in")
    need(signed == 1 and cosigned >= witnesses, "too few signatures")
    return origin, int(size), b64(root)


def proof_holds(data: bytes, keys: Keys, about: bytes, witnesses: int = 1) -> tuple[int, bytes]:
    head, _, note = data.partition(b"\n\n")
    try:
        lines = head.decode().split("\n")
    except UnicodeDecodeError as error:
        raise Wrong("no UTF-8") from error
    need(lines[0] == "c2sp.org/tlog-proof@v1" and len(lines) >= 3, "no proof")
    need(lines[1].startswith("extra ") and lines[2].startswith("index "), "no proof")
    entry, number = b64(lines[1][6:]), lines[2][6:]
    need(number.isdecimal() and str(int(number)) == number, "no index")
    index = int(number)
    _, size, root = checkpoint(note, keys, witnesses)
    need(index < size, "no such entry")
    need(included(sha(b"\x00" + entry), index, size, [b64(line) for line in lines[3:]]) == root, "not in the log")
    inner = statement(entry, keys, "examiner")
    need(about.hex() in [one["digest"]["sha256"] for one in inner["subject"]], "about something else")
    return size, root


# --- tiles -----------------------------------------------------------------------------------------------------------


def tile_name(level: int | str, index: int, width: int) -> str:
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03d}")
    return f"tile/{level}/{'/'.join(parts)}" + (f".p/{width}" if width < 256 else "")


def log_holds(root: Path, keys: Keys, witnesses: int = 1, before: tuple[int, bytes] = (0, sha(b""))) -> int:
    """Every entry and tile of a log, its checkpoint, and that it continues what it was before."""
    _, size, top = checkpoint((root / "checkpoint").read_bytes(), keys, witnesses)
    leaves = []
    for bundle in range(-(-size // 256)):
        width = min(256, size - bundle * 256)
        file = root / tile_name("entries", bundle, width)
        need(file.is_file(), "a bundle is missing")
        data = file.read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            need(len(data) >= 2 + length, "a bundle is cut off")
            leaves.append(sha(b"\x00" + data[2 : 2 + length]))
            data = data[2 + length :]
        need(len(leaves) == bundle * 256 + width, "a bundle with more or fewer entries")
    need(mth(leaves) == top, "another root")
    need(before[0] <= size and mth(leaves[: before[0]]) == before[1], "another history")
    need(len(set(leaves)) == size, "an entry twice")
    row, level = leaves, 0
    while row:
        for tile in range(-(-len(row) // 256)):
            hashes_ = row[tile * 256 : tile * 256 + 256]
            file = root / tile_name(level, tile, len(hashes_))
            need(file.is_file() and file.read_bytes() == b"".join(hashes_), "another tile")
        row = [mth(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
        level += 1
    return size


def everything_holds(root: Path, pubs: list[Path]) -> bool:
    """Whether a submission, its receipt, the log and the proof are all as they were signed."""
    keys = Keys(pubs)
    try:
        about = receipt_holds((root / "receipt.json").read_bytes(), keys, root / "submission")
        before = proof_holds((root / "receipt.tlog-proof").read_bytes(), keys, about)
        log_holds(root / "log", keys, before=before)
    except (Wrong, OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False
    return True
