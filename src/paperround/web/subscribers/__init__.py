"""Pages for people who subscribe, change their preferences or unsubscribe.

| what | modules |
|---|---|
| subscribe, or request a lost link | `subscribe` with `selection`, `lost_link`; `sent_pages` after both |
| who may have an email sent | `admission`, `form_guard`; `address_cookies`, `even_time` |
| links in emails | `token_links`; `confirm`, `quick_changes`, `feedback` with `feedback_sentences`, `digest_page` |
| the preferences page | `preferences`, `preferences_form`, `time_zones`, `change_address` |
| what somebody reads | `interest`, `query_preview`, `follow`, `library`, `taste` |
| what somebody keeps | `reading_list`, `private_feed` |
"""
