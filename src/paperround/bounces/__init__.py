"""Returned mail: delivery reports and complaints, parsed and judged."""
