"""Certificates out of a file of them: bundles explain each one, in any language."""

import re

_BLOCK = re.compile(r"-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----.*?-----END \1-----", re.DOTALL)


def certificates(text: str) -> str:
    """The certificates in PEM alone, without what stands between them; ValueError where there is none.

    What `ssl` is given must be ASCII. An empty text would be worse than none: with it the machine's authorities count.
    """
    blocks = [block.group() for block in _BLOCK.finditer(text)]
    if not blocks or not all(block.isascii() for block in blocks):
        raise ValueError("no certificate")
    return "\n".join(blocks) + "\n"
