"""The schema of rule rows: which fields each kind has, and which status the tags of its evidence give a row.

`tags` name the kind of evidence: C circular, D official documentation, P press, K package that cites a circular, lib
calendar library, X sources conflict or are silent, BG background knowledge, measured (shown by market data itself),
CALC (takes its weakest input).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, get_args

Status = Literal["confirmed", "single_source", "provisional", "unverified"]
STATUSES: tuple[Status, ...] = get_args(Status)
TAGS = frozenset({"C", "D", "P", "K", "lib", "X", "BG", "CALC", "measured"})

Checks = Mapping[str, type | tuple[type, ...]]
NUMBER = (int, Decimal)
KINDS: Mapping[str, Checks] = {
    "underlying": {"underlying": str, "exchange": str, "entries": bool},
    "hours": {"open": time, "close": time, "expiring_close": time},
    "pre_open": {"products": list, "entry_open": time, "entry_close": time, "match_end": time, "continuous_open": time},
    "cash_hours": {"open": time, "continuous_close": time, "auction_open?": time, "auction_close?": time},
    "holidays": {"year": int, "dates": list, "published": date},
    "special_session": {"session": str, "windows": list},
    "settlement": {"exchange": str, "method": str, "window_start": time, "observed_at": time},
    "expiry_weekday": {"underlying": str, "cycle": str, "weekday": str, "expiry_from": date, "expiry_until?": date},
    "expiry_alias": {"underlying": str, "listed": date, "becomes": date},
    "listing": {"underlying": str, "weeklies": int, "monthlies": int, "quarterlies": int, "half_yearlies": int},
    "lot": {"underlying": str, "units": int, "expiry_from": date, "expiry_until?": date},
    "tick": {"exchange": str, "points": NUMBER},
    "strike_step": {"underlying": str, "points": NUMBER},
    "strike_step_long_dated": {"underlying": str, "points": NUMBER},
    "futures_tick": {"exchange": str, "points": NUMBER, "level_from": NUMBER, "level_to?": NUMBER},
    "freeze": {"underlying": str, "units": int},
    "charge": {"exchange": str, "product": str, "index?": str, "levy": str, "rate": NUMBER},
    "broker": {
        "broker": str,
        "product": str,
        "order_rupees": NUMBER,
        "order_fraction_cap?": NUMBER,
        "gst_on_ipft": bool,
    },
    "exercise_fee": {"broker": str, "order_rupees": NUMBER},
    "tax_note": {"text": str},
    "price_scan": {"underlying": str, "floor": NUMBER},
    "margin": {"name": str, "value": NUMBER},
    "repo": {"fraction": NUMBER},
    "events": {"event": str, "standing": str, "verified_on": date, "times": list},
    "members": {"underlying": str, "sector": str, "stocks": list, "heavy": list},
    "sector": {"sector": str, "stocks": list},
}
STANDINGS = frozenset({"official", "tentative", "estimated"})
"""How sure the day of a scheduled event is; the row's status says how sure the source is."""
COVERAGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "hours": (),
    "holidays": (),
    "settlement": ("exchange",),
    "listing": ("underlying",),
    "lot": ("underlying",),
    "tick": ("exchange",),
    "strike_step": ("underlying",),
    "freeze": ("underlying",),
    "charge": ("exchange", "product", "levy"),
    "broker": ("broker", "product"),
    "exercise_fee": ("broker",),
    "price_scan": ("underlying",),
    "margin": ("name",),
    "repo": (),
    "events": ("event",),
}
"""What entries need, and by which fields the rows of a kind form one line of coverage."""
HEADER: Checks = {
    "id": str,
    "source": str,
    "tags": list,
    "effective": date,
    "until?": date,
    "status?": str,
    "confirmed_until?": date,
    "verified_until?": date,
    "adverse?": dict,
}


def problems_of(kind: str, raw: Mapping[str, Any]) -> list[str]:
    """What is wrong with a row as read from TOML; empty when nothing is."""
    checks = {**HEADER, **KINDS[kind]}
    names = {name.rstrip("?") for name in checks}
    problems = [f"unknown field {name!r}" for name in raw if name not in names]
    for name, kinds in checks.items():
        value = raw.get(name.rstrip("?"))
        if value is None:
            problems += [] if name.endswith("?") else [f"{name} is missing"]
        elif not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            problems.append(f"{name.rstrip('?')} has the wrong type: {value!r}")
    if problems:
        return problems
    problems += [f"unknown tag {tag!r}" for tag in raw["tags"] if tag not in TAGS]
    problems += [f"adverse names no field: {name!r}" for name in raw.get("adverse", {}) if name not in KINDS[kind]]
    if "status" in raw and raw["status"] not in STATUSES:
        problems.append(f"unknown status {raw['status']!r}")
    if "until" not in raw and "verified_until" not in raw:
        problems.append("needs until or verified_until: no rule is verified for ever")
    if not raw["tags"] and "status" not in raw:
        problems.append("needs a tag or a status")
    if "until" in raw and raw["until"] < raw["effective"]:
        problems.append("until is before effective")
    return problems or (_problems_of_events(raw) if kind == "events" else [])


def _problems_of_events(raw: Mapping[str, Any]) -> list[str]:
    """Times carry their own offset, so that no summer time has to be worked out; the row's days hold them all."""
    problems = [] if raw["standing"] in STANDINGS else [f"unknown standing {raw['standing']!r}"]
    times = [time for time in raw["times"] if isinstance(time, datetime) and time.tzinfo is not None]
    if len(times) < len(raw["times"]) or not times:
        return [*problems, "times must be dates with a time and an offset"]
    if times != sorted(set(times)):
        problems.append("times must ascend")
    end = min(raw[name] for name in ("until", "verified_until") if name in raw)
    if times[0].date() < raw["effective"] or times[-1].date() > end:
        problems.append("a time lies outside the row's own days")
    return problems


def status_from(tags: Iterable[str]) -> Status:
    """The status that the tags of `india-facts.md` give a row. With CALC, the weakest of the other tags, else the best.

    >>> status_from(["P"]), status_from(["P", "K"]), status_from(["C", "BG", "CALC"]), status_from(["BG"])
    ('single_source', 'confirmed', 'unverified', 'unverified')
    """
    inputs = [tag for tag in tags if tag != "CALC"]
    grades = [_grade(tag) for tag in inputs]
    if "CALC" in tags:
        return STATUSES[max(grades, default=3)]
    if "X" in inputs and 0 not in grades:
        return "provisional"
    if grades.count(1) >= 2:
        return "confirmed"
    return STATUSES[min(grades, default=3)]


def _grade(tag: str) -> int:
    if tag in {"C", "D", "measured"}:
        return 0
    return {"X": 2, "BG": 3}.get(tag, 1)
