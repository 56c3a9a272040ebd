"""What a process has of its machine: the program's files, private files, the log, modules that load late."""
