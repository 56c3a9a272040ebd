"""Addresses that programs ask: the JSON API, health and metrics, reports of bounces."""
