"""Pages that anybody may browse: papers, topics, search and feeds."""
