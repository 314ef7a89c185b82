"""Confirming a subscription: by the API, with the topic and the token that were signed. No URL of a post is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback.domain.topics import parse_topic
from ses_feedback.endpoint.errors import NotNow, Refused

# Confirm the subscription of a topic (its ARN) with a token. Raises ``Refused`` or ``NotNow``.
Confirm = Callable[[str, str], None]


@lru_cache(maxsize=32)
def _client(region: str) -> Any:
    # One post in very many asks for it, and its import is most of a cold start.
    import botocore.session  # noqa: PLC0415
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    # Unsigned: the token is the permission, also for the topic of another account.
    config = Config(
        signature_version=UNSIGNED,
        connect_timeout=3,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return botocore.session.get_session().create_client("sns", region_name=region, config=config)


def confirm(topic: str, token: str) -> None:
    """Confirm a subscription in the topic's own region."""
    found = parse_topic(topic)
    if found is None:
        raise Refused("the topic's ARN is none")
    try:
        _client(found.region).confirm_subscription(TopicArn=topic, Token=token)
    except ClientError as error:
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
        code = error.response["Error"].get("Code", "")
        if 400 <= status < 500 and status != 429 and "Throttl" not in code:
            raise Refused(f"SNS does not take the token of the confirmation ({code})") from None
        raise NotNow(f"SNS could not confirm the subscription ({code})") from None
    except BotoCoreError as error:
        raise NotNow(f"SNS could not be asked to confirm the subscription ({type(error).__name__})") from None
