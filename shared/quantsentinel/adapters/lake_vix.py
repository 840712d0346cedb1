"""India VIX out of a lake's `vix` dataset."""

from __future__ import annotations

from pathlib import Path

from quantsentinel.errors import BadInput
from quantsentinel.market.vix import VixBar

_COLUMNS = ("day", "open", "high", "low", "close", "previous_close")


def lake_vix(root: Path) -> tuple[VixBar, ...]:
    """All sessions by day; empty where the lake has none. Raises `BadInput` when two imports disagree about a day."""
    import polars as pl

    files = sorted((root / "vix").glob("underlying=*/year=*/*.parquet"))
    if not files:
        return ()
    try:
        frames = [pl.read_parquet(file, columns=list(_COLUMNS), glob=False, hive_partitioning=False) for file in files]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"unreadable: {error}", where=str(root / "vix"), fix="Import India VIX again") from None
    whole = pl.concat(frames, how="vertical_relaxed").select(_COLUMNS).drop_nulls().unique().sort("day")
    twice = whole.filter(pl.col("day").is_duplicated())["day"].to_list()
    if twice:
        raise BadInput(f"two values for {twice[0]}", where=str(root / "vix"), fix="Remove one of the imports")
    return tuple(VixBar(*row) for row in whole.iter_rows())
