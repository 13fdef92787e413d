"""The ports on a real cluster: what the engine watches and the client writes, put into a reconcile's words."""
