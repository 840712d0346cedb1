"""Upstox over loopback: a recording or a simulated day, served in the shape and with the refusals of the real API.

    with ReplayServer([Path("day.parquet")], rules, token="t", now=clock.now) as server:
        get server.url + "/v2/option/chain?instrument_key=NSE_INDEX|Nifty 50&expiry_date=2025-09-02"

What it answers is what had been collected by `now()`, never anything later. `POST /_faults` sets the fields of `Faults`
as JSON, `GET /_calls` counts calls by path and status. As a process: `python -m emulators.replay_server --data FILE
--token T --offset-s S`, which runs on wall time plus that offset.
"""

from __future__ import annotations

import argparse
import bisect
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from emulators.loopback import Loopback, Reply, Request, json_reply
from emulators.upstox_shape import INSTRUMENT_KEYS, chain_rows, contract_rows, with_foreign_price, without_quotes
from quantsentinel.adapters.brokers.recorded import Recording, open_recording
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import RuleBook, load_rules
from quantsentinel.market.snapshot import Snapshot

LIMITS: Final = ((1.0, 50), (60.0, 500), (1800.0, 2000))
"""Calls allowed in a sliding window of seconds (`india-facts.md` §4.1)."""
_UNDERLYINGS: Final = {key: underlying for underlying, key in INSTRUMENT_KEYS.items()}


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong; for `times` calls, or for good when None.

    `status` answers that code; `truncate` cuts the JSON in half; `other_instrument` serves another recorded
    underlying's chain (or, with one recorded, another expiry's); `foreign_price` gives one call near the money the
    index's own price; `zero` empties every quote; `freeze` keeps serving what was there; `expired` refuses the token.
    """

    status: int | None = None
    truncate: bool = False
    other_instrument: bool = False
    foreign_price: bool = False
    zero: bool = False
    freeze: bool = False
    expired: bool = False
    times: int | None = None


class RateLimiter:
    """Sliding windows over accepted calls, by the clock that it is told."""

    def __init__(self, limits: Iterable[tuple[float, int]] = LIMITS) -> None:
        self._windows = [(timedelta(seconds=seconds), most, deque[datetime]()) for seconds, most in limits]

    def admit(self, now: datetime) -> bool:
        for span, _, calls in self._windows:
            while calls and calls[0] <= now - span:
                calls.popleft()
        if any(len(calls) >= most for _, most, calls in self._windows):
            return False
        for _, _, calls in self._windows:
            calls.append(now)
        return True


class Library:
    """The snapshot of a recording that was the newest at a time. Not safe for concurrent use."""

    def __init__(self, recording: Recording, rules: RuleBook) -> None:
        self._rules = rules
        self._recording = recording
        self._schedules = {name: recording.schedule(name) for name in recording.underlyings}
        self._cached: dict[str, tuple[int, Snapshot]] = {}

    @property
    def underlyings(self) -> tuple[str, ...]:
        return self._recording.underlyings

    @property
    def opens_at(self) -> datetime:
        """The first collection time."""
        return min(times[0] for times in self._schedules.values())

    def newest(self, underlying: str, now: datetime) -> Snapshot | None:
        """None before the first collection time."""
        index = bisect.bisect_right(self._schedules[underlying], now) - 1
        return None if index < 0 else self._snapshot(underlying, index)

    def listing(self, underlying: str, now: datetime) -> Snapshot:
        """As `newest`, before the first collection time the first: contracts are listed before the session opens."""
        return self._snapshot(underlying, max(bisect.bisect_right(self._schedules[underlying], now) - 1, 0))

    def _snapshot(self, underlying: str, index: int) -> Snapshot:
        known = self._cached.get(underlying)
        if known is None or known[0] != index:
            snapshot = parse(self._recording.raw(underlying, index), self._rules)
            known = self._cached[underlying] = (index, snapshot)
        return known[1]


class ReplayServer:
    """`now` is the replayed session's clock; `token` the only one it accepts."""

    def __init__(
        self, data: Iterable[Path], rules: RuleBook, *, token: str, now: Callable[[], datetime], port: int = 0
    ) -> None:
        self._rules = rules
        self._token = token
        self._now = now
        self._lock = threading.Lock()
        self._library = Library(open_recording(*data), rules)
        self._limiter = RateLimiter()
        self._faults = Faults()
        self._frozen_at: datetime | None = None
        self._calls: Counter[str] = Counter()
        self._server = Loopback(self._handle, port)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def opens_at(self) -> datetime:
        return self._library.opens_at

    @property
    def calls(self) -> Mapping[str, int]:
        """Counts by `path status`."""
        with self._lock:
            return dict(self._calls)

    def break_down(self, faults: Faults) -> None:
        """Misbehave like this from the next call on; `Faults()` ends it."""
        with self._lock:
            self._faults = faults
            self._frozen_at = self._now() if faults.freeze else None

    def _handle(self, request: Request) -> Reply:
        if request.path == "/_calls":
            return json_reply(self.calls)
        if request.path == "/_faults" and request.method == "POST":
            return self._set_faults(request)
        with self._lock:
            reply = self._answer(request)
            self._calls[f"{request.path} {reply.status}"] += 1
        return reply

    def _set_faults(self, request: Request) -> Reply:
        try:
            self.break_down(replace(Faults(), **request.json()))
        except (ValueError, TypeError) as error:
            known = ", ".join(part.name for part in fields(Faults))
            return json_reply({"error": f"{error}; fields: {known}"}, 400)
        return Reply(204)

    def _answer(self, request: Request) -> Reply:
        """Called with the lock held; the order of the checks is the real API's."""
        routes = {"/v2/option/chain": self._chain, "/v2/option/contract": self._contracts}
        if request.path not in routes or request.method != "GET":
            return _error(404, "UDAPI100060", "Resource not Found.")
        faults = self._take_faults()
        if faults.expired or request.headers.get("authorization") != f"Bearer {self._token}":
            return _error(401, "UDAPI100050", "Invalid token used to access API")
        if not self._limiter.admit(self._now()) or faults.status == 429:
            return _error(429, "UDAPI10005", "Too Many Request Sent")
        if faults.status is not None:
            return _error(faults.status, "UDAPI100500", "Something went wrong. Please contact us.")
        underlying = _UNDERLYINGS.get(request.query.get("instrument_key", ""))
        if underlying not in self._library.underlyings:
            return _error(400, "UDAPI100011", "Invalid Instrument key")
        reply = routes[request.path](request, underlying, faults)
        return replace(reply, body=reply.body[: len(reply.body) // 2]) if faults.truncate else reply

    def _take_faults(self) -> Faults:
        faults = self._faults
        if faults.times is not None:
            self._faults = replace(faults, times=faults.times - 1) if faults.times > 1 else Faults()
        return faults

    def _chain(self, request: Request, underlying: str, faults: Faults) -> Reply:
        try:
            expiry = date.fromisoformat(request.query.get("expiry_date", ""))
        except ValueError:
            return _error(400, "UDAPI1088", "Invalid date, expiry_date should be in format of yyyy-mm-dd")
        now = self._frozen_at or self._now()
        others = [name for name in self._library.underlyings if name != underlying]
        shown = others[0] if faults.other_instrument and others else underlying
        snapshot = self._library.newest(shown, now)
        if snapshot is None:
            return _success([])
        if faults.other_instrument:
            expiry = next((day for day in snapshot.expiries if others or day != expiry), expiry)
        rows = [] if expiry not in snapshot.expiries else chain_rows(snapshot, expiry, now)
        if faults.foreign_price and rows:
            with_foreign_price(rows)
        return _success([without_quotes(row) for row in rows] if faults.zero else rows)

    def _contracts(self, request: Request, underlying: str, faults: Faults) -> Reply:
        snapshot = self._library.listing(underlying, self._now())
        wanted = request.query.get("expiry_date")
        rows = contract_rows(snapshot, self._rules)
        return _success([row for row in rows if wanted in (None, row["expiry"])])

    def __enter__(self) -> ReplayServer:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def serve_forever(self) -> None:
        self._server.serve_forever()


def _success(data: list[dict[str, Any]]) -> Reply:
    return json_reply({"status": "success", "data": data})


def _error(status: int, code: str, message: str) -> Reply:
    error = {
        "errorCode": code,
        "message": message,
        "propertyPath": None,
        "invalidValue": None,
        "error_code": code,
        "property_path": None,
        "invalid_value": None,
    }
    return json_reply({"status": "error", "errors": [error]}, status)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves a recorded or simulated day as Upstox would, on 127.0.0.1")
    parser.add_argument("--data", type=Path, action="append", required=True, help="recording or day file (repeatable)")
    parser.add_argument("--token", required=True, help="the bearer token to accept")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--offset-s", type=float, default=0.0, help="seconds to add to the wall clock")
    options = parser.parse_args()
    offset = timedelta(seconds=options.offset_s)
    server = ReplayServer(
        options.data, load_rules(), token=options.token, now=lambda: datetime.now(UTC) + offset, port=options.port
    )
    print(f"replay server on {server.url}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
