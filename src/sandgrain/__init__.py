"""Sandgrain: a complete verification scheme for chips suspected of functions nobody declared."""

from importlib.metadata import version

__version__ = version("sandgrain")
