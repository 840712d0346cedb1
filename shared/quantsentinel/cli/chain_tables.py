"""What `qs chain check` and `qs chain show` print for people, within a hundred columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quantsentinel.app.chain_view import ChainView
from quantsentinel.cli.output import Table, ist
from quantsentinel.market.snapshot import Chain
from quantsentinel.units import counted

LAKH = 1e5
LINE = ("at", "underlying", "outcome", "guard", "measured", "limit", "unit", "detail")
SIDES = ("call OI", "call bid", "call ask", "strike", "put bid", "put ask", "put OI")


# --- qs chain check ---------------------------------------------------------------------------------------------------
def check_tables(lines: Sequence[Mapping[str, Any]], many: int) -> list[Table]:
    """The refused snapshots of many, all of a few; then what was masked, by guard."""
    shown = [line for line in lines if line["outcome"] == "refused"] if len(lines) > many else lines
    rows = [(ist(line["at"]), *(line[name] for name in LINE[1:])) for line in shown]
    title = "Refused snapshots" if len(lines) > many else "Snapshots"
    return [Table(title, LINE, rows, "none"), _masked_table(lines)]


def _masked_table(lines: Sequence[Mapping[str, Any]]) -> Table:
    found: dict[str, tuple[int, int, Mapping[str, Any]]] = {}
    for line in lines:
        for name, item in line["masked"].items():
            rows, snapshots, example = found.get(name, (0, 0, item["examples"][0]))
            found[name] = rows + item["rows"], snapshots + 1, example
    table = [(name, rows, count, _quote(example)) for name, (rows, count, example) in found.items()]
    return Table("Masked quotes", ("guard", "quotes", "snapshots", "first"), table, "none")


def _quote(quote: Mapping[str, Any]) -> str:
    prices = " ".join(f"{name} {quote[name]:g}" for name in ("bid", "ask", "ltp") if quote[name] is not None)
    return f"{quote['expiry']} {quote['strike']:g} {quote['right']}: {prices}"


# --- qs chain show ----------------------------------------------------------------------------------------------------
def show_tables(found: Mapping[str, Any], head: str, *, with_strikes: bool) -> list[Table]:
    """Levels, then shapes, one line an expiry; the strikes of one expiry when asked for."""
    expiries = found["expiries"]
    tables = [
        Table(f"{head}: levels", LEVELS, [_levels(item) for item in expiries]),
        Table(
            "Shapes, bounds of 1.5 sd tails, dealers' gamma in crore rupees a 1 % move",
            SHAPES,
            [_shape(item) for item in expiries],
        ),
    ]
    if not with_strikes:
        return tables
    item = next(item for item in expiries if item["expiry"] == found["expiry"])
    if item["svi"]:
        values = [(name, _plain(value)) for name, value in item["svi"].items()]
        tables.append(Table(f"SVI of {found['expiry']}, total variance of log-moneyness", ("", "value"), values))
    rows = [tuple(row.values()) for row in found["rows"]]
    return [*tables, Table(f"{found['expiry']} around the money, units", SIDES, rows)]


LEVELS = ("expiry", "forward", "±", "ATM %", "straddle", "pain", "P/C", "calls L", "puts L", "mask")
SHAPES = ("expiry", "disc.", "skew", "kurt", "below %", "above %", "γ US", "γ Pro", "flags")


def _levels(item: Mapping[str, Any]) -> tuple[Any, ...]:
    pair = item["straddle"]
    masked = sum(item["masked"].values())
    return (
        str(item["expiry"]),
        _at(item["forward"], 1),
        _at(item["forward_stderr"], 2),
        _at(item["atm_vol"], 2, 100.0),
        _at((pair["bid"] + pair["ask"]) / 2, 1) if pair else None,
        item["max_pain"],
        _at(item["put_call_oi_ratio"], 2),
        _at(item["call_oi"], 1, 1 / LAKH),
        _at(item["put_oi"], 1, 1 / LAKH),
        masked or None,
    )


def _shape(item: Mapping[str, Any]) -> tuple[Any, ...]:
    density, tails, gamma = item["density"] or {}, item["tails"] or {}, item["dealer_gamma"]
    said = [*item["flags"]] or [item["reason"] or item["no_fit_because"] or ""]
    return (
        str(item["expiry"]),
        _at(item["discount"], 4),
        _at(density.get("skewness"), 2),
        _at(density.get("kurtosis"), 2),
        _range(tails.get("left")),
        _range(tails.get("right")),
        _at(gamma["us"], 0),
        _at(gamma["participants"], 0),
        ", ".join(said),
    )


def _range(ends: Sequence[float] | None) -> str:
    """Probability in per cent as quotes bound it."""
    return "–" if ends is None else f"{100 * ends[0]:.1f}–{100 * ends[1]:.1f}"


def _at(value: float | None, digits: int, factor: float = 1.0) -> float | None:
    return None if value is None else round(value * factor, digits)


def _plain(value: Any) -> Any:
    return ", ".join(f"{item:g}" for item in value) if isinstance(value, list) else value


def show_lines(found: Mapping[str, Any]) -> list[str]:
    """What concerns the whole snapshot, a line each."""
    gamma, history, values = found["dealer_gamma"], found["history"], found["features"]
    flips = f"turns at {_text(gamma['flip_us'])} (US), {_text(gamma['flip_participants'])} (Pro)"
    masked = ", ".join(f"{name} {item['rows']}" for name, item in found["masked"].items()) or "none"
    gaps = ", ".join(f"{name.removeprefix('vendor_')} {value:+.3f}" for name, value in found["vendor_gap"].items())
    refused = found["refused_by"]
    before = f"{counted(history['rows'], 'snapshot')} before it, {counted(history['daily_bars'], 'daily bar')}"
    return [
        f"{found['outcome']}" + (f" by {refused['guard']}: {refused['detail']}" if refused else ""),
        f"forecast {_percent(found['forecast']['vol'])} against {_percent(values['implied_vol_near'])} implied"
        + (f" ({found['forecast']['reason']})" if found["forecast"]["reason"] else "")
        + f", realised today {_percent(values['realised_vol_today'])}",
        f"dealers' gamma {_text(gamma['us'])} (US), {_text(gamma['participants'])} (Pro), {flips}"
        + (f"; {gamma['participants_reason']}" if gamma["participants_reason"] else ""),
        f"masked quotes: {masked}",
        f"vendor against ours, log: {gaps or 'nothing to compare'}",
        f"stands on {before}, participants of "
        f"{history['participants_of'] or 'no evening'}, breadth of {history['breadth_of'] or 'no day'}; "
        f"{sum(value is not None for value in values.values())} of {len(values)} features known (--json)",
    ]


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"


def ladder(seen: ChainView, index: int, count: int) -> list[dict[str, float | None]]:
    """The `count` strikes around the forward (else around where call and put are nearest); absent quotes are None."""
    chain = seen.view.snapshot.chain(index)
    forward = seen.view.analytics.slices[index].forward
    centre = int(np.argmin(np.abs(chain.strike - forward))) if forward is not None else _middle(chain)
    low = max(0, min(centre - count // 2, len(chain) - count))
    places = ((chain.call, "oi"), (chain.call, "bid"), (chain.call, "ask"))
    puts = ((chain.put, "bid"), (chain.put, "ask"), (chain.put, "oi"))
    names = [name.replace(" ", "_").lower() for name in SIDES]
    rows = []
    for row in range(low, min(len(chain), low + count)):
        values = [*(_value(*place, row) for place in places), float(chain.strike[row])]
        rows.append(dict(zip(names, [*values, *(_value(*place, row) for place in puts)], strict=True)))
    return rows


def _middle(chain: Chain) -> int:
    call_mid, put_mid = ((side["bid"] + side["ask"]) / 2 for side in (chain.call, chain.put))
    quoted = (chain.call["bid"] > 0) & (chain.put["bid"] > 0)
    return int(np.argmin(np.where(quoted, np.abs(call_mid - put_mid), np.inf))) if quoted.any() else len(chain) // 2


def _value(side: Mapping[str, Any], name: str, row: int) -> float | None:
    found = float(side[name][row])
    return found if found > 0 or name == "oi" else None
