"""The letter: from a frozen digest to subject, HTML and text. Pure but for reading the templates."""
