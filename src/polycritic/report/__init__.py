"""Reports: one self-contained page about a run."""

from polycritic.report._data import ReportData, read_log
from polycritic.report._page import write_report

__all__ = ["ReportData", "read_log", "write_report"]
