"""One round, from the sources to the relay. Read pipeline.py first.

| what | modules |
|---|---|
| when jobs run | `scheduler` with `local_cron`, or `task_queue`; `source_status` tells what should have run |
| the steps of a round | `pipeline`, `day_facts`, `digest_selection`, `retention` |
| letters | `letters`, `dispatch`, `sending`, `helpers` with `helper_process`, `summaries` |
| what comes back | `bounce_intake`, `breaker`, `replies`; `webhooks` calls other programs |
| topics and their papers | `topics`, `topics_file`, `topic_definitions`, `topic_matching` |
| interests in plain words | `interests`, `interest_batch`, `interest_scales`, `interest_tastes` |
| trying an interest or a query | `trial`, `query_preview` |
| what words and meanings are compared with | `collection`, `meaning`, `tastes`, `current_tastes` |
| papers and people | `search`, `similar`, `authors`, `file_ingest`, `libraries` |
"""
