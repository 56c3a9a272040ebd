"""Functions for the operator: previews, checks, statistics and the folder of a site."""
