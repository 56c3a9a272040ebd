"""Process-level services: shipped files, private files, logs, throttling and late imports."""
