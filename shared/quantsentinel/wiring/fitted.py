"""The desk with the fitted parts that the settings name, out of the registry: by digest, so that a roll-out is a
release like any other, and an instance of the old one goes on with what it has."""

from __future__ import annotations

from dataclasses import replace

from quantsentinel.desk import Desk
from quantsentinel.ports import Documents, Objects
from quantsentinel.settings import Settings
from quantsentinel.volatility.parameters import with_parts


def with_fitted(desk: Desk, settings: Settings, documents: Documents, objects: Objects) -> Desk:
    """As it is where the settings name none. Raises `BadInput` for a part that nobody offered or promoted, `Broken`
    for one that cannot be read: nothing starts on other parameters than it was told."""
    named = {part: digest for part, digest in settings.fitted().items() if digest}
    if not named:
        return desk
    from quantsentinel.stores.models import ModelRegistry  # a start without one does without it

    registry = ModelRegistry(documents, objects)
    tables = {part: registry.promoted(part, digest).table for part, digest in named.items()}
    return replace(desk, volatility=with_parts(tables))
