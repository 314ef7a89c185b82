"""The HTTPS endpoint that SNS posts to, to be mounted in an application of one's own. Needs ``cryptography``.

``open_endpoint("feedback.toml")`` opens it; ``wsgi_app`` and ``asgi_app`` make an application of it, and its ``answer``
serves any other framework; ``open_changes`` opens one for who follows the changes of suppressions. Each is loaded when
it is asked for: the deployment's own function needs few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ses_feedback.endpoint.answering import Answer, Endpoint
    from ses_feedback.endpoint.asgi import asgi_app
    from ses_feedback.endpoint.following import open_changes
    from ses_feedback.endpoint.opening import open_endpoint
    from ses_feedback.endpoint.wsgi import wsgi_app

__all__ = ["Answer", "Endpoint", "asgi_app", "open_changes", "open_endpoint", "wsgi_app"]

_WHERE = {
    "Answer": "answering",
    "Endpoint": "answering",
    "asgi_app": "asgi",
    "open_changes": "following",
    "open_endpoint": "opening",
    "wsgi_app": "wsgi",
}


def __getattr__(name: str) -> Any:
    """Return what the package has under a name, loaded now."""
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
