"""Who opened and who closed since the day's first snapshot: open interest by strike against the option's own price.

    open interest up,   price up      bought      open interest down, price up      covered (writers bought back)
    open interest up,   price down    written     open interest down, price down    unwound (buyers sold out)

The usual reading of an exchange's tables. It takes the price's move as it is: on a day that trends, calls rise with the
index whoever trades them, so its sums say more about strikes than about sides.
"""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.feature import Family, Feature, Inputs, Source, Value
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.quotes import QuoteMask
from quantsentinel.market.earlier import Opening, StrikeBook
from quantsentinel.market.snapshot import Snapshot

Floats = NDArray[np.float64]

EXPIRIES = 2
"""The nearest ones: where a day's positions are opened."""
KINDS = ("bought", "written", "covered", "unwound")
_OPENED: tuple[Source, ...] = ("snapshot", "opening")

FEATURES = (
    *(
        Feature(f"{side}_{kind}", "units since the day's first snapshot", _OPENED)
        for side in ("call", "put")
        for kind in KINDS
    ),
    Feature("call_oi_added_strike", "points, strike with the most call open interest added", _OPENED),
    Feature("put_oi_added_strike", "points, strike with the most put open interest added", _OPENED),
    Feature("strike_flow_minutes", "minutes since the day's first snapshot", _OPENED),
)


@dataclass(frozen=True, eq=False)
class StrikeFlow:
    """One expiry, one side: changes since the opening by strike, (n,); NaN where either end is unknown."""

    expiry: date
    strike: Floats
    oi_change: Floats
    price_change: Floats

    def units(self, kind: str) -> float:
        """Of one of `KINDS`, a number of units >= 0."""
        moved = self.price_change > 0 if kind in ("bought", "covered") else self.price_change < 0
        change = self.oi_change[moved]
        return abs(float(change[change > 0 if kind in ("bought", "written") else change < 0].sum()))


def opening_of(snapshot: Snapshot, mask: QuoteMask) -> Opening:
    """The snapshot's nearest expiries by strike, for `History.opening`."""
    usable = mask.usable & (snapshot.columns["bid"] > 0) & (snapshot.columns["ask"] > 0)
    books = []
    for index in range(min(EXPIRIES, len(snapshot.slices))):
        chain, low, high = snapshot.chain(index), int(snapshot.offsets[index]), int(snapshot.offsets[index + 1])
        mids = [
            tuple(
                mid if good else None
                for mid, good in zip((0.5 * (side["bid"] + side["ask"])).tolist(), rows, strict=True)
            )
            for side, rows in ((chain.call, usable[low:high:2]), (chain.put, usable[low + 1 : high : 2]))
        ]
        interest = [tuple(side["oi"].tolist()) for side in (chain.call, chain.put)]
        books.append(StrikeBook(chain.expiry, tuple(chain.strike.tolist()), *interest, *mids))
    return Opening(snapshot.digest, snapshot.received_at, tuple(books))


def strike_flow(part: SliceAnalytics, book: StrikeBook) -> dict[str, StrikeFlow]:
    """`call` and `put` of one expiry. Strikes listed since the opening are unknown, not new positions."""
    then = np.array(book.strike)
    at = np.minimum(then.searchsorted(part.strike), len(then) - 1)
    listed = then[at] == part.strike
    sides = {
        "call": (part.chain.call, part.usable_call, book.call_oi, book.call_mid),
        "put": (part.chain.put, part.usable_put, book.put_oi, book.put_mid),
    }
    found = {}
    for name, (quotes, usable, oi, mid) in sides.items():
        old_oi, old_mid = np.array(oi)[at], np.array(mid, dtype=np.float64)[at]
        price = np.where(usable & listed, 0.5 * (quotes["bid"] + quotes["ask"]) - old_mid, np.nan)
        found[name] = StrikeFlow(part.expiry, part.strike, np.where(listed, quotes["oi"] - old_oi, np.nan), price)
    return found


def flows(analytics: MarketAnalytics, opening: Opening | None) -> list[dict[str, StrikeFlow]]:
    """Of the opening's expiries that the snapshot still has, nearest first."""
    books = {book.expiry: book for book in opening.books} if opening else {}
    return [strike_flow(part, books[part.expiry]) for part in analytics.slices if part.expiry in books]


def strike_flow_values(inputs: Inputs) -> dict[str, Value]:
    opening = inputs.history.opening
    found = flows(inputs.analytics, opening)
    values: dict[str, Value] = {feature.name: None for feature in FEATURES}
    if opening is None or not found:
        return values
    for side in ("call", "put"):
        for kind in KINDS:
            values[f"{side}_{kind}"] = sum(flow[side].units(kind) for flow in found)
        values[f"{side}_oi_added_strike"] = _most_added(found[0][side])
    values["strike_flow_minutes"] = (inputs.snapshot.received_at - opening.received_at).total_seconds() / 60
    return values


def _most_added(flow: StrikeFlow) -> float | None:
    """The lowest of several."""
    added = np.nan_to_num(flow.oi_change, nan=0.0)
    return float(flow.strike[np.argmax(added)]) if added.size and float(added.max()) > 0 else None


FAMILY = Family("strike_flow", FEATURES, strike_flow_values)
