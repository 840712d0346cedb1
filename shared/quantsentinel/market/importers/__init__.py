"""Files of market data to parts of the lake: one importer a layout, told apart by content, blemishes declared as data.

Pure: bytes in, rows, rejected rows and counts out. `app.import_data` reads the files and stores the parts.
"""

from __future__ import annotations

from collections.abc import Mapping

from quantsentinel.errors import BadInput
from quantsentinel.market.importers.bar_layouts import BAR_IMPORTERS
from quantsentinel.market.importers.bhavcopy import EOD_IMPORTERS
from quantsentinel.market.importers.cash import CASH_HISTORY
from quantsentinel.market.importers.chains import CHAIN_IMPORTERS
from quantsentinel.market.importers.daily_tables import DAILY_IMPORTERS
from quantsentinel.market.importers.document import Document
from quantsentinel.market.importers.imported import Importer

IMPORTERS: Mapping[str, Importer] = {
    importer.name: importer
    for importer in (*CHAIN_IMPORTERS, *BAR_IMPORTERS, *EOD_IMPORTERS, *DAILY_IMPORTERS, CASH_HISTORY)
}


def recognised(document: Document, kind: str = "") -> Importer:
    """The importer of a document's layout, or the one named `kind`.

    Raises `BadInput` when no importer or more than one knows the layout, or when `kind` does not fit it.
    """
    if kind and kind not in IMPORTERS:
        raise BadInput(f"no importer {kind!r}", where="--kind", fix=f"Known: {', '.join(IMPORTERS)}")
    found = [item for item in IMPORTERS.values() if item.name == (kind or item.name) and item.matches(document)]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(document.columns[:6]) or document.kind
    if found:
        names = ", ".join(item.name for item in found)
        raise BadInput(f"{names} all know this layout ({shown})", where=document.name, fix="Choose one with --kind")
    what = f"not the layout of {kind}" if kind else "of no known layout"
    raise BadInput(f"{what}: {shown}", where=document.name, fix=f"Known: {', '.join(IMPORTERS)}")
