"""Every strike lies on the exchange's steps, every expiry is one that it lists."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_share

GUARD = Guard("listed_contracts", 1, "share")


def listed_contracts(case: Inspection) -> Finding:
    """Masks rows off the listed strike step or of an unlisted expiry; refuses above 2 % of the rows."""
    return judge_share(case, GUARD, "unlisted", "contracts that the exchange does not list")
