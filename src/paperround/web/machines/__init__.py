"""Endpoints for programs: the JSON API, health checks and metrics, and bounce reports."""
