"""HTTP requests to other servers, with rate limits and size limits, and without access to the private network."""
