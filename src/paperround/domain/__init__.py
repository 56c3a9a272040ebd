"""Types and pure functions that every package uses: papers, subscribers, letters, schedules and errors. Imports no
other package.
"""
