"""The package's own log records as the JSON lines that Cloud Logging reads: severity, text, labels to search by."""

from __future__ import annotations

import logging
import traceback

from quantsentinel.app.log_line import log

PACKAGE = "quantsentinel"


class LogLines(logging.Handler):
    """A record's `extra` may hold `labels`, and a `severity` other than its level's name.

    One with the label `alarm` is written at every level: what alerts count does not depend on a setting.
    """

    def __init__(self, least: int) -> None:
        super().__init__()  # its own level stays open: it would be asked before `filter`
        self._least = least

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self._least or "alarm" in getattr(record, "labels", {})

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                text += "\n" + "".join(traceback.format_exception(record.exc_info[1]))
            labels = {"logger": record.name, **getattr(record, "labels", {})}
            log(getattr(record, "severity", record.levelname), text, **labels)
        except Exception:  # a line that cannot be written must not stop the work it tells of
            self.handleError(record)


def log_as_lines(level: str) -> None:
    """From now on in this process; `level` is the setting's (`info`). Asked for again, the last level holds."""
    logger = logging.getLogger(PACKAGE)
    logger.handlers[:] = [handler for handler in logger.handlers if not isinstance(handler, LogLines)]
    least = logging.getLevelNamesMapping()[level.upper()]
    logger.setLevel(min(least, logging.INFO))
    logger.addHandler(LogLines(least))
