"""Raw payloads to snapshots: one pure parser a format, chosen by the name that the feed wrote on the raw snapshot.

A wrong schema or a truncated payload raises `BadInput` naming what is missing and what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from quantsentinel.errors import BadInput
from quantsentinel.market.parsers.canonical_rows import parse_canonical
from quantsentinel.market.parsers.ltp_rows import parse_ltp_rows
from quantsentinel.market.parsers.nse_daily_csv import parse_nse_daily_csv
from quantsentinel.market.parsers.nse_greeks import parse_nse_greeks
from quantsentinel.market.parsers.nse_json import parse_nse_json
from quantsentinel.market.parsers.nse_rows import parse_nse_rows
from quantsentinel.market.parsers.upstox_v2 import parse_upstox_v2
from quantsentinel.market.raw import RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot

Parser = Callable[[RawSnapshot, RuleBook], Snapshot]

PARSERS: Mapping[str, Parser] = {
    "nse_rows": parse_nse_rows,
    "nse_json": parse_nse_json,
    "nse_daily_csv": parse_nse_daily_csv,
    "nse_greeks": parse_nse_greeks,
    "ltp_rows": parse_ltp_rows,
    "upstox_v2": parse_upstox_v2,
    "canonical": parse_canonical,
}


def parse(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """The snapshot in a raw payload, pure. Raises `BadInput` (`RuleGap` when no expiry is covered by the rule book)."""
    rules.require_underlying(raw.underlying)
    if not raw.payloads:
        raise BadInput("a raw snapshot without payloads", where=f"{raw.source} {raw.underlying}")
    try:
        parser = PARSERS[raw.parser]
    except KeyError:
        raise BadInput(f"no parser {raw.parser!r}", where=raw.source, fix=f"Known: {', '.join(PARSERS)}") from None
    return parser(raw, rules)
