"""Render a frozen digest as a letter: subject, HTML and text. Pure, except for reading the templates."""
