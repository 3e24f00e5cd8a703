"""Whose signatures count, from when until when, and how many of them are needed."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandgrain.errors import LimitExceeded
from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency.errors import KeyFileError
from sandgrain.transparency.keys import PublicKey, Role, read_public
from sandgrain.transparency.limits import LIMITS


@dataclass(frozen=True)
class LogPoint:
    """An entry of a log, named by the log's origin and the entry's index."""

    origin: str
    index: int


@dataclass(frozen=True)
class Moment:
    """When something existed at the latest, as far as that is shown.

    Attributes:
        time: a time shown by a witness or a timestamp authority; None if nobody did.
        point: its entry in a log; None if it is in none.
        now: the time of the verification, which counts where nothing was shown.
    """

    time: datetime.datetime | None = None
    point: LogPoint | None = None
    now: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))


@dataclass(frozen=True)
class TrustedKey:
    """A key whose signatures count.

    Attributes:
        key: the key.
        not_before: first moment at which they do.
        not_after: last moment at which they do.
        since: the entry from which on they do (the key came by rotation).
        revoked: the entry from which on they do not.
    """

    key: PublicKey
    not_before: datetime.datetime | None = None
    not_after: datetime.datetime | None = None
    since: LogPoint | None = None
    revoked: LogPoint | None = None


@dataclass(frozen=True)
class Trust:
    """All keys a verification trusts, and how many signatures of a role it asks for.

    Attributes:
        keys: the keys.
        thresholds: least number of different keys of a role; see :meth:`threshold`.
    """

    keys: tuple[TrustedKey, ...] = ()
    thresholds: tuple[tuple[Role, int], ...] = ()

    @classmethod
    def of(cls, keys: Iterable[PublicKey]) -> Trust:
        """Trust in keys without conditions."""
        return cls(tuple(TrustedKey(key) for key in keys))

    def threshold(self, role: Role) -> int:
        """How many keys of a role have to sign: 1, but no witness where none is trusted."""
        for known, count in self.thresholds:
            if known is role:
                return count
        return 0 if role is Role.WITNESS and not self.of_role(role) else 1

    def of_role(self, role: Role) -> list[PublicKey]:
        """The keys of a role, whenever they count."""
        return [one.key for one in self.keys if one.key.role is role]

    def find(self, keyid: str) -> TrustedKey | None:
        """The key with this id."""
        return next((one for one in self.keys if one.key.keyid == keyid), None)

    def judge(self, keyid: str, roles: frozenset[Role], moment: Moment) -> tuple[PublicKey | None, str]:
        """The key if its signature counts at that moment, else None and why not."""
        found = self.find(keyid)
        if found is None:
            return None, "it is signed with a key that is not among the trusted ones"
        name = found.key.name
        if found.key.role not in roles:
            wanted = " or ".join(sorted(roles))
            return None, f"it is signed by {name} as {found.key.role}, which is not {wanted}"
        at = moment.time or moment.now
        if found.not_before is not None and at < found.not_before:
            return None, f"the key of {name} counts from {found.not_before.isoformat()} on only"
        if found.not_after is not None and at > found.not_after:
            shown = "" if moment.time else "; nothing shows that this was signed earlier"
            return None, f"the key of {name} expired at {found.not_after.isoformat()}{shown}"
        if found.since is not None and not _later(moment.point, found.since):
            return None, f"the key of {name} counts from entry {found.since.index} of {found.since.origin} on only"
        if found.revoked is not None and not _earlier(moment.point, found.revoked):
            shown = "" if moment.point else "; nothing shows that this was logged before"
            return None, f"the key of {name} is revoked from entry {found.revoked.index} on{shown}"
        return found.key, ""

    def revoke(self, keyid: str, point: LogPoint) -> Trust:
        """The same, but that key does not count from ``point`` on; the earliest of several revocations holds."""

        def revoked(one: TrustedKey) -> TrustedKey:
            if one.key.keyid != keyid:
                return one
            if one.revoked is not None and one.revoked.origin == point.origin and one.revoked.index <= point.index:
                return one
            return replace(one, revoked=point)

        return replace(self, keys=tuple(map(revoked, self.keys)))

    def rotate(self, keyid: str, new: PublicKey, point: LogPoint) -> Trust:
        """The same, but from ``point`` on ``new`` counts in place of the key ``keyid``."""
        turned = self.revoke(keyid, point)
        if turned.find(new.keyid) is None:
            turned = replace(turned, keys=(*turned.keys, TrustedKey(new, since=point)))
        return turned


class _KeyModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    not_before: datetime.datetime | datetime.date | None = None
    not_after: datetime.datetime | datetime.date | None = None


class _TrustModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: dict[Role, int] = Field(default_factory=dict)
    key: list[_KeyModel]


def read_trust(paths: Sequence[Path]) -> Trust:
    """Trust in the keys of ``.pub`` files and ``.toml`` files.

    A TOML file has one ``[[key]]`` for each key, with ``file`` relative to it and, if wanted, ``not_before`` and
    ``not_after``, and a table ``[threshold]`` of role and number.

    Raises:
        KeyFileError: one of them is neither, or a key is named twice.
        LimitExceeded: too many keys.
    """
    keys: list[TrustedKey] = []
    thresholds: dict[Role, int] = {}
    for path in paths:
        if path.suffix == ".toml":
            model = _read_toml(path)
            keys += [
                TrustedKey(read_public(path.parent / one.file), _time(one.not_before), _time(one.not_after, end=True))
                for one in model.key
            ]
            thresholds.update(model.threshold)
        else:
            keys.append(TrustedKey(read_public(path)))
    if len(keys) > LIMITS.trust_keys:
        raise LimitExceeded("more keys than allowed", expected=f"at most {LIMITS.trust_keys} (trust_keys)")
    ids = [one.key.keyid for one in keys]
    for one in keys:
        if ids.count(one.key.keyid) > 1:
            raise KeyFileError(f"the key of {one.key.name} is named twice", expected="each key once, in one role")
    return Trust(tuple(keys), tuple(thresholds.items()))


def _read_toml(path: Path) -> _TrustModel:
    data = read_bounded(path, LIMITS.key_bytes * 16, "key_bytes", "trust file")
    try:
        model = _TrustModel.model_validate(tomllib.loads(data.decode("utf-8")))
    except (ValidationError, ValueError) as error:
        raise KeyFileError(
            f"the trust file cannot be read: {str(error).splitlines()[0]}",
            file=path,
            expected="TOML with one [[key]] for each key and a table [threshold]",
        ) from error
    if any(count < 0 for count in model.threshold.values()):
        raise KeyFileError("a threshold is negative", file=path)
    return model


def _time(value: datetime.datetime | datetime.date | None, *, end: bool = False) -> datetime.datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time.max if end else datetime.time.min)
    return value if value.tzinfo else value.replace(tzinfo=datetime.UTC)


def _earlier(point: LogPoint | None, than: LogPoint) -> bool:
    return point is not None and point.origin == than.origin and point.index < than.index


def _later(point: LogPoint | None, than: LogPoint) -> bool:
    return point is not None and point.origin == than.origin and point.index >= than.index
