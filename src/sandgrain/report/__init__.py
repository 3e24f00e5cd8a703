"""The report: one case told as a page, a terminal summary or SARIF, in English or Chinese."""

from sandgrain.report._visible import visible
from sandgrain.report.language import Language, LanguageError, Translator
from sandgrain.report.limits import ReportLimits
from sandgrain.report.page import render_html
from sandgrain.report.sarif import render_sarif
from sandgrain.report.text import summary

__all__ = [
    "Language",
    "LanguageError",
    "ReportLimits",
    "Translator",
    "render_html",
    "render_sarif",
    "summary",
    "visible",
]
