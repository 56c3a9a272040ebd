"""Public pages: papers, topics, search and feeds."""
