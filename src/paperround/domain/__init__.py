"""What every part speaks of: papers, subscribers, letters, times and errors. Pure, and below everything else."""
