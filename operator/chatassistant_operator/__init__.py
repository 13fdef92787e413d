"""The ChatAssistant operator: start reading at `reconcile.py`."""
