"""Pages for those who subscribe, change their preferences or leave."""
