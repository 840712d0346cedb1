"""The source's own implied vols and Greeks against ours: a series to watch. No view may read it."""

from __future__ import annotations

from quantsentinel.features.feature import Family, Feature, Inputs, Value
from quantsentinel.integrity.vendor_gap import NAMES

FEATURES = (
    Feature("vendor_gap_rows", "count"),
    *(Feature(f"{name}_gap", "median log(vendor / ours), each in the vendor's unit") for name in NAMES),
)


def vendor_values(inputs: Inputs) -> dict[str, Value]:
    gap = inputs.analytics.vendor
    ratios = gap.log_ratio if gap else {}
    return {
        "vendor_gap_rows": float(gap.rows) if gap else None,
        **{f"{name}_gap": ratios.get(name) for name in NAMES},
    }


FAMILY = Family("vendor", FEATURES, vendor_values)
