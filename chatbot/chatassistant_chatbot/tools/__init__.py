"""The tools that the assistant may call: servers that speak the Model Context Protocol, and what they offer."""
