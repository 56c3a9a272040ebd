"""Asking other machines over HTTP: politely, within bounds, and never those of the own network by accident."""
