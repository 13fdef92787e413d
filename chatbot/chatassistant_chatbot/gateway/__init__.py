"""The gateway over HTTP: one request, its retries before the first byte, and its stream."""
