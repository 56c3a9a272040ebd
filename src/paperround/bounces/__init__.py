"""Mail that comes back: delivery reports and complaints, read and judged."""
