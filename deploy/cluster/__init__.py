"""A whole cluster on one Linux machine with no Docker: `make cluster` and `make cluster-down`.

With Docker running, kind makes it. Else the machine gets a second machine inside: processes with namespaces of their
own, which the kernel clears away, with all mounts, interfaces and rules, once their first process ends.
"""
