"""Sizes that mail clients enforce on a message, for those who build one and those who check it. Pure."""

GMAIL_CLIPS = 102_000  # bytes of HTML in UTF-8; Gmail hides the rest, with the unsubscribe link, behind a link
MAX_HTML = 100_000  # bytes of HTML in a letter: what Gmail shows, less a margin for what relays add to it
GMAIL_STYLE = 16_384  # bytes of one style element; Gmail drops a larger one
