"""How many stocks went along with the index on the previous session."""

from __future__ import annotations

from quantsentinel.features.feature import Family, Feature, Inputs, Value

FEATURES = (
    Feature("breadth_share", "advances minus declines over both, previous session", ("breadth",)),
    Feature("breadth_stocks", "count", ("breadth",)),
    Feature("breadth_reason", "text", ("breadth",)),
)
ABSENT = "no breadth of the previous session"


def breadth_values(inputs: Inputs) -> dict[str, Value]:
    day = inputs.history.breadth
    if day is None:
        return {"breadth_share": None, "breadth_stocks": None, "breadth_reason": ABSENT}
    moved = day.advances + day.declines
    return {
        "breadth_share": (day.advances - day.declines) / moved if moved else None,
        "breadth_stocks": float(moved + day.unchanged),
        "breadth_reason": "" if moved else "no stock moved",
    }


FAMILY = Family("breadth", FEATURES, breadth_values)
