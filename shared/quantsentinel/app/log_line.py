"""One JSON line on stdout, as Cloud Logging reads it."""

from __future__ import annotations

import json
import sys
from typing import Any


def log(severity: str, text: str, **labels: Any) -> None:
    """`severity` is Cloud Logging's (DEBUG … CRITICAL); labels become searchable fields."""
    line = {
        "severity": severity,
        "message": text,
        "logging.googleapis.com/labels": {k: str(v) for k, v in labels.items()},
    }
    print(json.dumps(line, ensure_ascii=False), file=sys.stdout, flush=True)
