"""Subscribers: every change of a subscription, and lists of subscribers as files."""
