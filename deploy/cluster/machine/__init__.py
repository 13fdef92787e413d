"""The machine inside: a network namespace beside the host, and processes that end with their first one."""
