"""The page on the chatbot names every variable that it reads."""

import re
from pathlib import Path

from chatassistant_chatbot.settings import Process

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "chatbot.md").read_text(encoding="utf-8")


def test_every_variable_of_the_chatbot_is_on_its_page() -> None:
    variables = {name.upper() for name in Process.model_fields}
    for path in (ROOT / "chatbot").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        variables |= set(re.findall(r'environment(?:\.get\(|\[)"([A-Z_]+)"', text))
        variables |= set(re.findall(r'^[A-Z_]*VARIABLE: Final = "([A-Z_]+)"', text, re.MULTILINE))
    assert len(variables) > 12
    assert {each for each in variables if f"`{each}`" not in PAGE} == set()
