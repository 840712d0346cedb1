"""The desk that the settings describe; both profiles decide on it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import quantsentinel
from quantsentinel.desk import Desk, load_policy
from quantsentinel.distribution import Distribution, DistributionMode, read_legal_rows
from quantsentinel.errors import BadInput
from quantsentinel.market.rulebook import load_rules
from quantsentinel.settings import Settings


def desk_of(settings: Settings) -> Desk:
    """Rules and policy, each with its overlay, and the code's version."""
    return Desk(
        rules=load_rules(settings.rules_overlay),
        policy=load_policy(_toml(settings.policy_overlay)),
        code_version=quantsentinel.__version__,
        broker=settings.broker,
        distribution=Distribution(
            mode=DistributionMode(settings.distribution_mode),
            registration=settings.registration_number,
            legal=read_legal_rows(settings.legal_rows),
            own_accounts=settings.own_accounts,
        ),
    )


def _toml(path: Path | None) -> Mapping[str, Any] | None:
    if path is None:
        return None
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"cannot read the policy overlay: {error}", where=str(path)) from None
