"""Guards that always know: functions of inputs that cannot be missing. Each says why; the run checks that it is so.

What is no number refuses in all of them (`tests/unit/test_hard_rules_guards.py` for the rules): they have no third
answer that a mutant could turn into a yes.
"""

from __future__ import annotations

DOCUMENT = "a required field of the tenant's document, validated where it is read"
RULE = "what is no number breaks the rule: it answers blocked, never unknown"
CHAIN = "counts or compares what the chain itself holds; a snapshot without it cannot be built"
FLAGS = "counts rows that `quotes.quote_mask` flagged; a quote that nothing can be said of is not usable by itself"
BEFORE = "compares with the accepted snapshot before; the first one has none, and that is no gap in knowledge"
LEVELS = "counts sure profits or misfits among the fitted slices; without a fit `forward_found` stops"
TOTAL: dict[str, str] = {
    "tenant_paused": DOCUMENT,
    "dry_run_lock": DOCUMENT,
    "entries_allowed": "reads the market view's own reason, an empty text or not",
    "late": "the caller says whether the batch was handled in time, yes or no",
    "entry_window": "the offer's validity and time stop and the decision's time are always set",
    "expiry_day_premium": "the offer's time stop and price and the tenant's choice are always set",
    "live_entry": "the book either holds a live entry of the key or does not",
    "cool_down": "a key that never ended has no cool-down; one that did has the time",
    "sizing": "the sizing is a whole number of lots; a bound that is not known makes it zero",
    "entries_offered": "the market pass has a reason to offer nothing, or none",
    "bounded_loss": RULE,
    "net_ev": RULE,
    "cost_ratio": RULE,
    "win_probability": RULE,
    "net_ev_of_stressed_loss": RULE,
    "net_ev_of_premium": RULE,
    "identity": CHAIN,
    "age": "the receipt and the decision always have a time",
    "zero_chain": CHAIN,
    "zero_spot": "an absent spot is a source's habit: the level then comes from parity",
    "unit": CHAIN,
    "listed_contracts": "holds rows against what the rule book lists; where it lists nothing, nothing is against them",
    "spot_forward": "judged where the source names a spot; without a forward `forward_found` stops",
    "two_sided_share": "without quotes near the money the share is zero, which refuses",
    "slice_skew": "the slices' own times; one slice has no skew",
    "absurd_prices": FLAGS,
    "zero_sizes": FLAGS,
    "crossed_quotes": FLAGS,
    "locked_quotes": FLAGS,
    "price_band": FLAGS,
    "strike_curve_fit": LEVELS,
    "vertical": LEVELS,
    "butterfly": LEVELS,
    "calendar": LEVELS,
    "expiry_label": LEVELS,
    "monotone_time": BEFORE,
    "repeated_snapshot": BEFORE,
    "stuck_feed": BEFORE,
    "unit_change": BEFORE,
    "volume_fell": BEFORE,
    "jump": BEFORE,
    "interest_jump": BEFORE,
    "stuck_quote": BEFORE,
}
