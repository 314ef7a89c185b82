"""The HTTPS endpoint that SNS posts to, to be mounted in an application of one's own. Needs ``cryptography``.

``open_endpoint("feedback.toml")`` opens it; ``wsgi_app`` and ``asgi_app`` make an application of it, and its ``answer``
serves any other framework.
"""

from ses_feedback.endpoint.answering import Answer, Endpoint
from ses_feedback.endpoint.asgi import asgi_app
from ses_feedback.endpoint.opening import open_endpoint
from ses_feedback.endpoint.wsgi import wsgi_app

__all__ = ["Answer", "Endpoint", "asgi_app", "open_endpoint", "wsgi_app"]
