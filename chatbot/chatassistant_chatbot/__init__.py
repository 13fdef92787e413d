"""The chatbot: an OpenAI-compatible front of one assistant. Start reading at `routes/completions.py`."""
