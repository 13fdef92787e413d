"""The same reconcile with no cluster: manifests from files, pods as processes, a stand-in for OpenRouter."""
