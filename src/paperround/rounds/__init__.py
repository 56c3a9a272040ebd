"""One round, from the sources to the relay. Read pipeline.py first."""
