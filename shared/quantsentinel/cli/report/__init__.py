"""The day's report: a `DayRecord` in, one self-contained HTML page out."""

from quantsentinel.cli.report.page import render_report

__all__ = ["render_report"]
