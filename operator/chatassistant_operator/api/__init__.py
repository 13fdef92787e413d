"""The ChatAssistant API: models, rules, reasons, names and the operator's policy. Imports nothing else of ours."""
