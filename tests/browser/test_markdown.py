"""What becomes of a model's Markdown: elements, as they come and after a reload alike."""

from random import Random

import pytest
from playwright.async_api import expect

from support.chat_page import ChatPage
from support.gateway import GatewayProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMPLETIONS = "/chat/completions"
# The elements of the last answer, with the attributes that mean something.
OUTLINE = """() => {
    const kept = ["href", "start", "checked"];
    const outline = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return node.data;
        const inner = [...node.childNodes].map(outline).join("");
        if (node.matches(".piece, .table, figure") || node.closest("figcaption")) return inner;
        const name = node.localName;
        const attributes = kept.filter((each) => node.hasAttribute(each)).map(
            (each) => ` ${each}=${node.getAttribute(each)}`);
        const isFormula = node.classList.contains("formula") ? " formula" : "";
        return `<${name}${attributes.join("")}${isFormula}>${inner}</${name}>`;
    };
    const answer = [...document.querySelectorAll(".answer .markdown")].at(-1);
    return [...answer.childNodes].map(outline).join("");
}"""

CASES = {
    # Paragraphs and marks.
    "One\ntwo\n\nthree": "<p>One<br></br>two</p><p>three</p>",
    "*a* _b_ **c** __d__ ***e*** ~~f~~": (
        "<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong> <strong><em>e</em></strong> <s>f</s></p>"
    ),
    "snake_case_name and 2 * 3 * 4": "<p>snake_case_name and 2 * 3 * 4</p>",
    "**bold *and* more** but **not this": ("<p><strong>bold <em>and</em> more</strong> but **not this</p>"),
    "**a *b c**": "<p><strong>a *b c</strong></p>",
    "`a * b` ``c ` d`` and `open": "<p><code>a * b</code> <code>c ` d</code> and `open</p>",
    r"\*not em\* \_ 1\. C:\dir": r"<p>*not em* _ 1. C:\dir</p>",
    "a &amp; b &lt;i&gt; &unknown;": "<p>a & b <i> &unknown;</p>",
    "a<br>b <b>c</b>": "<p>a<br></br>b <b>c</b></p>",
    # Links; what leads elsewhere than to the web or to mail stays text.
    "[a *b*](https://x.example/p_q_r) [1]": "<p><a href=https://x.example/p_q_r>a <em>b</em></a> [1]</p>",
    "[a](https://x.example/(b)) ![pic](https://x.example/p.png)": (
        "<p><a href=https://x.example/(b)>a</a> <a href=https://x.example/p.png>pic</a></p>"
    ),
    "(see https://x.example/a_b.) <https://y.example/>": (
        "<p>(see <a href=https://x.example/a_b>https://x.example/a_b</a>.) "
        "<a href=https://y.example/>https://y.example/</a></p>"
    ),
    "[a](javascript:alert(1)) [b](/etc) [c [d](https://x.example/)": (
        "<p>[a](javascript:alert(1)) [b](/etc) [c <a href=https://x.example/>d</a></p>"
    ),
    # LaTeX stays as it was written; money is no formula.
    r"$a_1 * b_2$ costs $5 and $10, \(x^2_i\)": (
        r"<p><span formula>$a_1 * b_2$</span> costs $5 and $10, <span formula>\(x^2_i\)</span></p>"
    ),
    "$$\nx_1\n+ y_2\n$$\n\nand $$z$$": (
        "<div formula>$$\nx_1\n+ y_2\n$$</div><p>and <span formula>$$z$$</span></p>"
    ),
    "set $HOME and $PATH": "<p>set $HOME and $PATH</p>",
    # Headings, rules, quotations.
    "# One\ntext\n### Three ###\n---": "<h3>One</h3><p>text</p><h4>Three</h4><hr></hr>",
    "#nothing\n\n> a\n> b\n>> c\n\nd": (
        "<p>#nothing</p><blockquote><p>a<br></br>b</p><blockquote><p>c</p></blockquote></blockquote><p>d</p>"
    ),
    # Lists.
    "- a\n- b\n  - c\n    more\n- d": (
        "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c<br></br>more</p></li></ul></li><li><p>d</p></li></ul>"
    ),
    "1. a\n  - b\n2. c\n\n   d\n\n3. e": (
        "<ol><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>c</p><p>d</p></li><li><p>e</p></li></ol>"
    ),
    "In\n1984. No list\n\n7) seven\n8) eight": (
        "<p>In<br></br>1984. No list</p><ol start=7><li><p>seven</p></li><li><p>eight</p></li></ol>"
    ),
    "- [x] a\n- [ ] b": (
        "<ul><li><input checked=></input><p>a</p></li><li><input></input><p>b</p></li></ul>"
    ),
    "1. a\n   ```\n   code\n   ```\n2. b": (
        "<ol><li><p>a</p>CodeCopy<pre><code>code</code></pre></li><li><p>b</p></li></ol>"
    ),
    # Code.
    "```\na\n\n  b <i>\n```\nc": "CodeCopy<pre><code>a\n\n  b <i></code></pre><p>c</p>",
    "~~~text\n```\n~~~": "textCopy<pre><code>```</code></pre>",
    "```never\nclosed": "neverCopy<pre><code>closed</code></pre>",
    # Tables.
    "a\n| b | c |\n|:-:|--:|\n| `x|y` | \\| |\n| only |\n\nd": (
        "<p>a</p><table><thead><tr><th>b</th><th>c</th></tr></thead>"
        "<tbody><tr><td><code>x|y</code></td><td>|</td></tr><tr><td>only</td><td></td></tr></tbody></table><p>d</p>"
    ),
    "a | b\n--|--\n1 | 2\n- c": (
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
        "<ul><li><p>c</p></li></ul>"
    ),
    "| no | table |\n| at | all |": "<p>| no | table |<br></br>| at | all |</p>",
}


async def test_markdown_becomes_elements(chat: ChatPage, gateway: GatewayProcess) -> None:
    outlines: dict[str, str] = {}
    for markdown in CASES:
        gateway.misbehave(route=COMPLETIONS, says=markdown)
        await chat.ask("Write")
        outlines[markdown] = await chat.evaluate(OUTLINE)
    wrong = {each: (outlines[each], CASES[each]) for each in CASES if outlines[each] != CASES[each]}
    assert wrong == {}


async def test_it_is_the_same_after_a_reload(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="\n\n".join(CASES))
    await chat.ask("Write")
    streamed = await chat.evaluate(OUTLINE)
    await chat.page.reload()
    await chat.answered()
    assert await chat.evaluate(OUTLINE) == streamed


# Marks of all kinds, which mean something or nothing by what is around them.
MARKS = [
    *"*_`~[]()!<>#|-+$\\&:",
    *(
        "**",
        "***",
        "__",
        "~~",
        "``",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "](",
        "<br>",
        "&amp;",
        "- ",
        "> ",
        "1. ",
    ),
    *(
        "\n- ",
        "\n  - ",
        "\n1. ",
        "\n> ",
        "\n# ",
        "\n| ",
        " |\n|-|-|\n",
        "\n---\n",
        "\n\n",
        "\n$$\n",
        "https://x.example/",
    ),
]


async def test_no_text_is_lost_whatever_marks_are_in_it(chat: ChatPage, gateway: GatewayProcess) -> None:
    random = Random(20261127)  # noqa: S311 (nothing is kept secret)
    for _ in range(10):
        parts: list[str] = []
        for number in range(300):
            parts += [
                f"w{number}w",
                *random.choices(MARKS, k=random.randint(0, 3)),
                random.choice(["", " ", "\n"]),
            ]
        gateway.misbehave(route=COMPLETIONS, says="".join(parts))
        await chat.ask("Anything")
        shown = await chat.text.inner_html()
        # In a link's address it is there, too; a table has only as many cells as its head.
        lost = [f"w{number}w" for number in range(300) if f"w{number}w" not in shown]
        assert len(lost) <= 10, lost


async def test_code_is_coloured_and_copied(chat: ChatPage, gateway: GatewayProcess) -> None:
    code = 'def greet(name):\n    """Say it."""\n    return f"Hello {name}"  # politely'
    gateway.misbehave(route=COMPLETIONS, says=f"```python\n{code}\n```")
    await chat.ask("Write code")
    await expect(chat.text.locator(".code-kwd").first).to_have_text("def")
    await expect(chat.text.locator(".code-cmnt").last).to_have_text("# politely")
    await chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await chat.text.get_by_role("button", name="Copy").click()
    await expect(chat.text.get_by_role("button", name="Copied")).to_be_visible()
    assert await chat.evaluate("navigator.clipboard.readText()") == code


async def test_an_answer_and_a_question_are_copied(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="**Strong** words")
    await chat.ask("Say it")
    await chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await chat.answer.locator(".actions").get_by_role("button", name="Copy").click()
    assert await chat.evaluate("navigator.clipboard.readText()") == "**Strong** words"
    await chat.questions.hover()
    await chat.page.locator(".question").get_by_role("button", name="Copy").click()
    assert await chat.evaluate("navigator.clipboard.readText()") == "Say it"
