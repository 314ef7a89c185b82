"""Getting a small file over HTTP: no redirect is followed, nothing large is read, and nothing waits for long."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from ses_feedback.endpoint.errors import NotNow, Refused

# Given a URL, return what is there; raise ``Refused`` where there is nothing, ``NotNow`` where nobody can say.
Fetch = Callable[[str], bytes]

MAX_FILE: Final = 65_536
_SECONDS: Final = 3.0  # SNS waits 15 s for our answer


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow none: the answer 3xx becomes an error."""


_opener = urllib.request.build_opener(_NoRedirects)


def fetch(url: str) -> bytes:
    """Return the file at a URL that the caller has checked. TLS is verified with the machine's own authorities."""
    try:
        with _opener.open(url, timeout=_SECONDS) as answer:
            data: bytes = answer.read(MAX_FILE + 1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (403, 404, 410):
            raise Refused(f"there is no certificate at its place (HTTP {error.code})") from None
        raise NotNow(f"a certificate could not be fetched (HTTP {error.code})") from None
    except (OSError, ValueError) as error:
        raise NotNow(f"a certificate could not be fetched ({type(error).__name__})") from None
    if len(data) > MAX_FILE:
        raise Refused(f"the file at the certificate's place has more than {MAX_FILE:,} bytes")
    return data
