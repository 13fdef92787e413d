"""OpenRouter's API over HTTP, as far as the operator needs it: is this key good, and which models are there.

`GET /models` answers 200 to anybody, with a bogus key too; only `GET /key` says anything about a key
(tinyhumansai/openhuman#2372, NangoHQ/nango#7532).
"""
