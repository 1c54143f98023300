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
import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pti_core.errors import UserError
from pti_core.session.atomic_write import OutputError, write_atomically

_log = logging.getLogger(__name__)

DAY = 24 * 3600
DEFAULT_DAYS = 7.0
#: Shares that one owner, and megabytes that all of them, may keep at a time.
MAX_OF_ONE, DEFAULT_MAX_MB = 50, 20_000
MAX_NAME = 80
# A save takes seconds; objects without a record after an hour are what a crash left behind.
_STRAY_SECONDS = 3600
# A disk that is full fails everybody, and not only those who share.
_FREE_DISK = 512 * 2**20
_RECORD, _SESSION, _CARD = ".json", ".safetensors", ".jpg"
_ENDINGS = (_RECORD, _SESSION, _CARD)
# 32 random bytes, in base64's characters for URLs. `fullmatch` and ASCII: nothing else, no newline.
_TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_TEMPORARY = ".pti-"  # what `write_atomically` begins its files with


class ShareError(UserError):
    """A link leads to nothing, or somebody else's, or the store is full or out of reach."""


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
        self._objects = _objects_at(str(place))
        self._seconds, self._max_bytes, self._now = days * DAY, max_mb * 2**20, now
        # Records by name, as they were when their object had that size and time of writing.
        self._read: dict[str, tuple[tuple[int, float], Record | None]] = {}

    def save(
        self, session: bytes, secret: str, *, view: str, card: bytes = b"", name: str = ""
    ) -> Record:
        """Keep a session; once this returns, it outlasts a crash.

        Raises:
            ShareError: the secret is none, the store is full, or out of reach.
        """
        owner = _hashed(secret)
        with self._objects.locked():  # what is counted is still so when it is written
            return self._save(session, owner, view, card, name)

    def _save(self, session: bytes, owner: str, view: str, card: bytes, name: str) -> Record:
        self.sweep()
        if sum(1 for record in self._records() if record.owner == owner) >= MAX_OF_ONE:
            raise ShareError(
                f"You share {MAX_OF_ONE} sessions already; delete one of them, then share this."
            )
        if self.nbytes() + len(session) + len(card) > self._max_bytes:
            raise ShareError(
                "There is no room for more shared sessions now; download the session instead, "
                "or try again tomorrow."
            )
        now = self._now()
        record = Record(
            id=secrets.token_urlsafe(_TOKEN_BYTES),
            name=_clean(name),
            created=now,
            expires=now + self._seconds,
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


def keep_swept(store: Store, seconds: float = 600) -> threading.Thread:
    """Sweep now and then, in a thread that ends with the process: nobody has to come by for what
    has expired to go."""

    def sweep() -> None:
        while True:
            try:
                store.sweep()
            except UserError as error:  # out of reach for the moment
                _log.warning("shared sessions could not be swept: %s", error)
            time.sleep(seconds)

    thread = threading.Thread(target=sweep, name="sweeping", daemon=True)
    thread.start()
    return thread


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


# ------------------------------------------------------------------------------------- places


def _objects_at(place: str) -> _Folder | _Remote:
    return _Remote(place) if "://" in place else _Folder(Path(place).expanduser())


class _Folder:
    """Objects as files of one folder; names are checked before they come here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, data: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unreachable() from error
        self._check_room(len(data))
        try:
            write_atomically(self._folder / name, data)
        except OutputError as error:  # its sentence names the server's folder
            _log.error("a share could not be written", exc_info=error)
            raise _unreachable() from error

    def _check_room(self, size: int) -> None:
        if shutil.disk_usage(self._folder).free < size + _FREE_DISK:
            raise ShareError(
                "There is no room for more shared sessions now; download the session instead, "
                "or try again tomorrow."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While this is held nobody else saves, in whichever process."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(self._folder / ".lock", timeout=60)
            lock.acquire()
        except (OSError, Timeout) as error:
            raise _unreachable() from error
        try:
            yield
        finally:
            lock.release()

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreachable() from error

    def delete(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise _unreachable() from error

    def list(self) -> list[tuple[str, tuple[int, float]]]:
        """Name, and bytes and time of writing, of each."""
        found = []
        try:
            for entry in os.scandir(self._folder):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # another process swept it meanwhile
                    continue
                found.append((entry.name, (status.st_size, status.st_mtime)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreachable() from error
        return found


class _Remote:
    """Objects of a store that writes each of them in one step, as S3 and the Hub do."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._lock = threading.Lock()
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UserError(
                f"PTI_SESSIONS names {url.split('://')[0]}://, which cannot be used here: install "
                "the package that fsspec needs for it, or name a folder."
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While this is held nobody else saves, in this process."""
        with self._lock:
            yield

    def write(self, name: str, data: bytes) -> None:
        try:
            self._files.pipe_file(self._path(name), data)
        except Exception as error:  # each kind of store has errors of its own
            raise _unreachable() from error

    def read(self, name: str) -> bytes | None:
        try:
            return self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _unreachable() from error

    def delete(self, name: str) -> None:
        try:
            self._files.rm_file(self._path(name))
        except FileNotFoundError:
            return
        except Exception as error:
            raise _unreachable() from error

    def list(self) -> list[tuple[str, tuple[int, float]]]:
        try:
            self._files.invalidate_cache()  # other processes write there too
            entries = self._files.ls(self._root, detail=True)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise _unreachable() from error
        return [
            (entry["name"].rsplit("/", 1)[-1], (int(entry.get("size") or 0), _modified(entry)))
            for entry in entries
        ]

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _modified(entry: Mapping[str, Any]) -> float:
    """Seconds since 1970, by whichever name a store calls it; 0 where it does not say."""
    for key in ("mtime", "LastModified", "last_modified", "created"):
        value = entry.get(key)
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
    return 0.0


def _unreachable() -> ShareError:
    return ShareError(
        "The place where shared sessions are kept cannot be reached now; try again in a minute, "
        "or download the session."
    )
