"""Pages for the operator, behind the admin token."""
