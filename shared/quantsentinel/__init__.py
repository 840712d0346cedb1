"""Quantsentinel: a risk-management system with an alpha layer attached, for Indian index options."""

__version__ = "0.1.0"
