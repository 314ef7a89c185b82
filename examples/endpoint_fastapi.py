"""The endpoint in a FastAPI application: any ASGI server runs it, such as ``hypercorn examples.endpoint_fastapi:app``.

Subscribe your topics to ``https://YOUR-HOST/sns/``, with the slash: SNS follows no redirect.
"""

import os

from fastapi import FastAPI

from ses_feedback.endpoint import asgi_app, open_endpoint

app = FastAPI()
app.mount("/sns", asgi_app(open_endpoint(os.environ.get("SES_FEEDBACK_CONFIG", "feedback.toml"))))


@app.get("/health")
def health() -> str:
    """Serve something else beside it."""
    return "well"
