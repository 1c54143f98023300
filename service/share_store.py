"""Where shared sessions are kept: a folder, or any place that `fsspec` reaches.

A share is three objects beside each other: `ID.safetensors` (the session), `ID.jpg` (its picture
card) and `ID.json` (the record). The record is written last and deleted first, each object in one
step, so that a share is there as a whole or not at all, whenever the process dies. Several app
processes and machines may use one store: nothing is kept in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pti_core.errors import UserError
from service.share_places import NO_ROOM, ShareError, objects_at
from service.sweeper import repeat

DAY = 24 * 3600
DEFAULT_DAYS = 7.0
#: Shares that one owner, and megabytes that all of them, may keep at a time.
MAX_OF_ONE, DEFAULT_MAX_MB = 50, 20_000
#: Shares of one network address, whose secrets cost nothing; and its part of those megabytes.
MAX_OF_ADDRESS, PART_OF_ADDRESS = 200, 0.25
MAX_NAME = 80
# A save takes seconds; objects without a record after an hour are what a crash left behind.
_STRAY_SECONDS = 3600
_RECORD, _SESSION, _CARD = ".json", ".safetensors", ".jpg"
_ENDINGS = (_RECORD, _SESSION, _CARD)
# 32 random bytes, in base64's characters for URLs. `fullmatch` and ASCII: nothing else, no newline.
_TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_TEMPORARY = ".pti-"  # what `write_atomically` begins its files with


class GoneError(ShareError):
    """Nothing is kept under this identifier (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "This link leads nowhere any more: it has expired, or its owner deleted what it "
            "showed; please ask for a new one."
        )


@dataclass(frozen=True)
class Record:
    """What is known of a share beside the session itself.

    Attributes:
        id: unguessable; who knows it may look.
        name: what its owner calls it; "" at first.
        created, expires: seconds since 1970 (UTC).
        view: which of `studio.VIEWS` was on the screen.
        size: bytes of the session.
        owner: SHA-256 of the owner's secret; the secret itself is in the owner's browser only.
    """

    id: str
    name: str
    created: float
    expires: float
    view: str
    size: int
    owner: str


def new_secret() -> str:
    """256 random bits as 43 characters, safe in a URL."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def is_identifier(text: Any) -> bool:
    """Whether this could be an identifier that the store gave."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


class Store:
    """Shares by identifier.

    Args:
        place: a folder (made when it is needed) or a URL that fsspec knows, as `s3://bucket/pti`.
        days: how long a share is kept.
        max_mb: bound on what all shares hold together.
        now: the clock, seconds since 1970.
    """

    def __init__(
        self,
        place: str | Path,
        days: float = DEFAULT_DAYS,
        max_mb: float = DEFAULT_MAX_MB,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._objects = objects_at(str(place))
        self.days, self._max_bytes, self._now = days, max_mb * 2**20, now
        # Records by name, as they were when their object had that size and time of writing.
        self._read: dict[str, tuple[tuple[int, float], Record | None]] = {}
        # Where shares came from that this process saved; an address is never written down.
        self._addresses: dict[str, str] = {}

    def save(
        self,
        session: bytes,
        secret: str,
        *,
        view: str,
        card: bytes = b"",
        name: str = "",
        address: str = "",
    ) -> Record:
        """Keep a session; once this returns, it outlasts a crash.

        address: the network that it comes from, which may have a part of the store; "" if that is
            not known.

        Raises:
            ShareError: the secret is none, the store or the address's part of it is full, or it is
                out of reach.
        """
        owner = _hashed(secret)
        with self._objects.locked():  # what is counted is still so when it is written
            self._check_room(owner, address, len(session) + len(card))
            record = self._save(session, owner, view, card, name)
            if address:
                self._addresses[record.id] = address
            return record

    def _check_room(self, owner: str, address: str, size: int) -> None:
        """Raise ShareError where this owner, this address, or all of them, keep too much."""
        self.sweep()
        records = list(self._records())
        if sum(1 for record in records if record.owner == owner) >= MAX_OF_ONE:
            raise ShareError(
                f"You share {MAX_OF_ONE} sessions already; delete one of them, then share this."
            )
        if self.nbytes() + size > self._max_bytes:
            raise ShareError(NO_ROOM)
        there = {record.id for record in records}
        self._addresses = {one: at for one, at in self._addresses.items() if one in there}
        if not address:
            return
        own = [record.size for record in records if self._addresses.get(record.id) == address]
        if len(own) >= MAX_OF_ADDRESS or sum(own) + size > PART_OF_ADDRESS * self._max_bytes:
            raise ShareError(
                "Your network shares as much as one may here; delete a share, or download the "
                "session instead."
            )

    def _save(self, session: bytes, owner: str, view: str, card: bytes, name: str) -> Record:
        now = self._now()
        record = Record(
            id=secrets.token_urlsafe(_TOKEN_BYTES),
            name=_clean(name),
            created=now,
            expires=now + self.days * DAY,
            view=view,
            size=len(session),
            owner=owner,
        )
        self._objects.write(record.id + _SESSION, session)
        if card:
            self._objects.write(record.id + _CARD, card)
        self._write(record)
        return record

    def record(self, share: Any) -> Record:
        """What is known of a share.

        Raises:
            GoneError: nothing is kept there, or no longer.
        """
        if not is_identifier(share):
            raise GoneError()
        record = self._parse(share, self._objects.read(share + _RECORD))
        if record is None or record.expires <= self._now():
            raise GoneError()
        return record

    def has(self, share: Any) -> bool:
        """Whether it is kept and has not expired; True where the store cannot be reached."""
        try:
            self.record(share)
        except GoneError:
            return False
        except ShareError:
            return True
        return True

    def session(self, share: Any) -> bytes:
        """The session's file. Raises as `record` does."""
        return self._part(share, _SESSION)

    def card(self, share: Any) -> bytes:
        """The picture card, a JPEG. Raises as `record` does, also where there is none."""
        return self._part(share, _CARD)

    def of(self, secret: Any) -> list[Record]:
        """What this owner keeps here, latest first; nothing for what is no secret."""
        if not is_identifier(secret):
            return []
        owner = _hashed(secret)
        own = (record for record in self._records() if record.owner == owner)
        return sorted(own, key=lambda record: record.created, reverse=True)

    def rename(self, share: Any, secret: Any, name: str) -> Record:
        """Call it otherwise. Raises as `delete` does."""
        record = replace(self._own(share, secret), name=_clean(name))
        self._write(record)
        return record

    def delete(self, share: Any, secret: Any) -> None:
        """Really delete: record, card and session.

        Raises:
            GoneError: nothing is kept there.
            ShareError: it is somebody else's.
        """
        self._remove(self._own(share, secret).id)

    def sweep(self) -> int:
        """Delete what has expired and what crashes left; how many shares went."""
        now, gone = self._now(), 0
        found = dict(self._objects.list())
        complete = set()
        for name in found:
            share, ending = os.path.splitext(name)
            if ending == _RECORD and is_identifier(share):
                record = self._known(name, found[name])
                if record is None:  # broken: a stray like any other
                    continue
                complete.add(share)
                if record.expires <= now:
                    self._remove(share)
                    gone += 1
        self._read = {name: known for name, known in self._read.items() if name in found}
        for name, (_, modified) in found.items():
            share, ending = os.path.splitext(name)
            ours = name.startswith(_TEMPORARY) or (is_identifier(share) and ending in _ENDINGS)
            # Some stores do not tell when an object was written; theirs stay.
            if ours and share not in complete and modified and now - modified > _STRAY_SECONDS:
                with suppress(ShareError):  # one that cannot be deleted keeps no other
                    self._objects.delete(name)
        return gone

    def nbytes(self) -> int:
        """What all objects hold together."""
        return sum(size for _, (size, _) in self._objects.list())

    def _part(self, share: Any, ending: str) -> bytes:
        data = self._objects.read(self.record(share).id + ending)
        if data is None:
            raise GoneError()
        return data

    def _own(self, share: Any, secret: Any) -> Record:
        record = self.record(share)
        if not is_identifier(secret) or not hmac.compare_digest(record.owner, _hashed(secret)):
            raise ShareError(
                "Only the browser that shared this can change it; it also goes by itself in time."
            )
        return record

    def _write(self, record: Record) -> None:
        self._read.pop(record.id + _RECORD, None)
        self._objects.write(record.id + _RECORD, json.dumps(asdict(record)).encode())

    def _remove(self, share: str) -> None:
        for ending in _ENDINGS:  # the record first: without it nothing finds the rest
            self._objects.delete(share + ending)

    def _records(self) -> Iterator[Record]:
        """All that have not expired."""
        for name, state in self._objects.list():
            share, ending = os.path.splitext(name)
            if ending == _RECORD and is_identifier(share):
                record = self._known(name, state)
                if record is not None and record.expires > self._now():
                    yield record

    def _known(self, name: str, state: tuple[int, float]) -> Record | None:
        """The record of that name, read anew where its object has changed; None where it is broken
        or cannot be read. state: bytes and time of writing."""
        kept = self._read.get(name)
        if kept is not None and kept[0] == state:
            return kept[1]
        try:
            record = self._parse(os.path.splitext(name)[0], self._objects.read(name))
        except ShareError:
            return None
        if state[1]:  # some stores do not tell when an object was written
            self._read[name] = (state, record)
        return record

    @staticmethod
    def _parse(share: str, data: bytes | None) -> Record | None:
        """A record as it was written; None of anything else."""
        try:
            found = Record(**json.loads(data or b""))
            sound = found.id == share and len(found.owner) == 64 and len(found.name) <= MAX_NAME
            return found if sound and found.created <= found.expires else None
        except (ValueError, TypeError, RecursionError):
            return None


def keep_swept(
    store: Store, seconds: float = 600, goes_on: Callable[[], bool] = lambda: True
) -> threading.Thread:
    """Sweep now and then, in a thread that ends with the process: nobody has to come by for what
    has expired to go."""
    return repeat(store.sweep, seconds, "sweeping shares", goes_on)


def store_from(environment: Mapping[str, str]) -> Store:
    """The store of the settings: PTI_SESSIONS (a folder or a URL), PTI_SESSIONS_DAYS and
    PTI_SESSIONS_MB; a folder under the home's `.cache`, 7 days, 20 GB without them.

    Raises:
        UserError: one of them is no number, or no place.
    """
    place = environment.get("PTI_SESSIONS") or str(Path.home() / ".cache" / "pti" / "sessions")
    numbers = []
    for name, default in (("DAYS", DEFAULT_DAYS), ("MB", DEFAULT_MAX_MB)):
        text = environment.get(f"PTI_SESSIONS_{name}") or str(default)
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0 < number < 1e9:
            raise UserError(f"PTI_SESSIONS_{name} is {text!r}; set it to a number above zero.")
        numbers.append(number)
    return Store(place, days=numbers[0], max_mb=numbers[1])


def _hashed(secret: str) -> str:
    if not is_identifier(secret):
        raise ShareError("Your browser keeps no key of yours yet; reload the page and try again.")
    # The secret is as random as a key is: a slow hash would add nothing.
    return hashlib.sha256(secret.encode()).hexdigest()


def _clean(name: Any) -> str:
    text = name if isinstance(name, str) else ""
    return " ".join("".join(c for c in text if c.isprintable()).split())[:MAX_NAME]
