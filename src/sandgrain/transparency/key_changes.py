"""Keys that are revoked or rotated by an act in a log, with effect from that entry on."""

from __future__ import annotations

from collections.abc import Iterable

from sandgrain.transparency.acts import Act, Entry, new_key_of
from sandgrain.transparency.errors import LogError
from sandgrain.transparency.keys import Role
from sandgrain.transparency.outcome import Outcome
from sandgrain.transparency.proof import check_proof
from sandgrain.transparency.trust import LogPoint, Trust


def learned(trust: Trust, entry: Entry, point: LogPoint) -> Trust:
    """The trust from an act on that changes a key, its signature being verified already.

    A key may revoke itself, an auditor and any key of the same role may revoke it too; only a key itself passes its
    role on to another.

    Raises:
        LogError: the act changes a key it may not, or none that is trusted.
    """
    keyid = entry.details.get("keyid")
    changed = trust.find(keyid) if isinstance(keyid, str) else None
    if changed is None:
        raise LogError("the act is about a key that is not among the trusted ones", file=f"entry {point.index}")
    signers = [one.key for signer, _ in entry.envelope.signatures if (one := trust.find(signer)) is not None]
    own = any(key.keyid == changed.key.keyid for key in signers)
    if entry.act is Act.KEY_ROTATED:
        new = new_key_of(entry, f"entry {point.index}")
        if not own or new.role is not changed.key.role:
            raise LogError("a key is passed on by itself only, in its role", file=f"entry {point.index}")
        return trust.rotate(changed.key.keyid, new, point)
    if not own and not any(key.role in (changed.key.role, Role.AUDITOR) for key in signers):
        raise LogError("this key may not revoke that one", file=f"entry {point.index}")
    return trust.revoke(changed.key.keyid, point)


def learn(trust: Trust, proofs: Iterable[tuple[str, bytes]]) -> tuple[Trust, Outcome]:
    """The trust after acts that revoke or rotate keys, each with its proof; taken in the order of the log.

    Returns:
        The trust, and how the verification of the proofs went.
    """
    outcome = Outcome("changes of keys")
    acts = []
    for where, data in proofs:
        checked, entry, moment = check_proof(data, trust, where)
        if entry is not None and entry.act in (Act.KEY_REVOKED, Act.KEY_ROTATED) and moment.point is not None:
            acts.append((moment.point.origin, moment.point.index, where, data))
        else:
            outcome.take(checked)
    for origin, index, where, data in sorted(acts):
        # Again: an earlier act may have brought, or taken away, the key that signed this one.
        checked, entry, _ = check_proof(data, trust, where)
        outcome.take(checked)
        if checked.ok and entry is not None:
            trust = learned(trust, entry, LogPoint(origin, index))
    return trust, outcome
