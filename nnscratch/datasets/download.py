"""Downloads: from the first mirror that answers with the right content."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from nnscratch.errors import DataError, FileError, ListedError
from nnscratch.extras import optional

TIMEOUT = 30  # seconds without a byte from the server


def download_first(urls: Sequence[str], verify: Callable[[bytes, str], None]) -> bytes:
    """Return the bytes behind the first of `urls` that can be had and that pass `verify`.

    `verify(content, url)` raises `DataError` if the content is wrong. Raises `FileError`, with the
    reason for each address, if none is left.
    """
    reasons = []
    for url in urls:
        try:
            content = fetch(url)
            verify(content, url)
        except (FileError, DataError) as error:
            reasons.append(f"  {error}")
        else:
            return content
    raise ListedError(
        "nothing could be downloaded:\n"
        + "\n".join(reasons)
        + "\nCheck the network, or fetch the files on another computer and name their folder."
    )


def fetch(url: str) -> bytes:
    """Return the bytes behind `url`, or raise `FileError` with the reason in a few words."""
    pooch = optional("pooch", "a download", "download", "pooch")  # it brings an HTTP library
    buffer = io.BytesIO()
    try:
        pooch.HTTPDownloader(timeout=TIMEOUT, chunk_size=2**16)(url, buffer, None)
    except (OSError, ValueError) as error:  # every error of the HTTP library is one of these
        response = getattr(error, "response", None)
        reason = (
            f"no answer ({type(error).__name__})"
            if response is None
            else f"the server answered HTTP {response.status_code}"
        )
        raise FileError(f"{url}: {reason}") from None
    return buffer.getvalue()
