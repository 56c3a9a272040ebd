"""Pages for people who subscribe, change their preferences or unsubscribe."""
