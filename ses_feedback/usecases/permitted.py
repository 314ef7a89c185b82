"""What a request to wire an identity may ask for: what the deployment itself would ask for, and nothing else.

Whoever may invoke the function can send it any request. So the request does not decide: the configuration that was
shipped with the function names the identities, and names of topics and sets follow from theirs.
"""

from __future__ import annotations

from ses_feedback import naming
from ses_feedback.config.model import NOTIFIED_KINDS, Config
from ses_feedback.domain.settings import Wish
from ses_feedback.usecases.checks.live import Home
from ses_feedback.usecases.wiring_ports import InvalidWish


def permitted(identity: str, wish: Wish, config: Config, home: Home) -> Wish:
    """Return the wish for an identity, as far as the shipped configuration goes. Raises ``InvalidWish``.

    The core stack goes first: it ships the new configuration, and a cell that is rolled back still asks for the former
    one's. So the identity's own configuration set may be wished where the file has none any more, and ``overwrite`` and
    ``create`` count only where the file has them too: what is ours already needs neither.
    """
    named = config.identities.get(identity)
    deployment = config.deployment.name
    if named is None:
        raise InvalidWish(f"{identity} is no identity of deployment {deployment}: the configuration does not name it")
    for kind in NOTIFIED_KINDS:
        type_ = naming.camel(kind)
        own = home.arn("sns", naming.topic_name(deployment, kind, identity))
        if wish.topics.get(type_) != own:
            found = str(wish.topics.get(type_))[:300]
            raise InvalidWish(f"Topics.{type_}: {found!r} is not the topic of {identity} in this deployment, {own}")
    own_set = naming.configuration_set_name(deployment, identity)
    if wish.configuration_set not in (None, own_set):
        found = str(wish.configuration_set)[:100]
        raise InvalidWish(f"ConfigurationSet: {found!r} is not the set of {identity} in this deployment, {own_set}")
    return Wish(
        {naming.camel(kind): wish.topics[naming.camel(kind)] for kind in NOTIFIED_KINDS},
        wish.configuration_set,
        overwrite=wish.overwrite and config.deployment.overwrite,
        create=wish.create and named.create,
    )
