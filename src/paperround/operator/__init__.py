"""What the operator asks for: previews, checks, figures and the site folder."""
