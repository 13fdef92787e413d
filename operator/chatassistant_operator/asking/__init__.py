"""The ports that ask the world, each question once however many assistants ask it.

- `references.py`: Secrets and ConfigMaps, one by one and by name.
- `gateway.py`: what gateways say of keys, models, providers and completions; `questions.py`: how each is asked;
  `standing.py`: what is told when one answer contradicts those before.
- `pods.py`: what pods say of themselves.
"""
