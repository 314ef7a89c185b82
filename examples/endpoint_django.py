"""The endpoint in Django, here a project of one file: any WSGI server runs ``examples.endpoint_django:application``.

In a project of your own only ``endpoint``, ``sns`` and its path are needed. Subscribe your topics to
``https://YOUR-HOST/sns``, without a slash: SNS follows no redirect.
"""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ses_feedback.endpoint import open_endpoint

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], DEBUG=False)
endpoint = open_endpoint(os.environ.get("SES_FEEDBACK_CONFIG", "feedback.toml"))


@csrf_exempt  # SNS has no cookie; its signature is what proves a post
def sns(request: HttpRequest) -> HttpResponse:
    """Answer a post of SNS."""
    answer = endpoint.answer(request.method or "", request.headers, request.body)
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.all_headers))


urlpatterns = [path("sns", sns)]
application = get_wsgi_application()
