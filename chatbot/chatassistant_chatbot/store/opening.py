"""Which store there is, as the settings say."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from chatassistant_chatbot.settings import Settings
from chatassistant_chatbot.store.memory import Memory
from chatassistant_chatbot.store.protocol import Store
from chatassistant_chatbot.termination import StartError, Termination


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Store, None]:
    """The store, until the end of the context; one that cannot be reached is waited for in the background.

    Raises:
        StartError: when the URL of a Redis is none.
    """
    configuration = settings.configuration
    memory = Memory(configuration.cache.max_entries)
    if settings.store_url is None:
        yield memory
        return
    # The library takes 27 MB, which a chatbot without a Redis can do without.
    from chatassistant_chatbot.store.fallback import Fallback  # noqa: PLC0415 (see above)
    from chatassistant_chatbot.store.redis import Redis  # noqa: PLC0415 (see above)

    uid = configuration.uid or f"{configuration.namespace}/{configuration.name}"
    try:
        redis = Redis(settings.store_url, uid, configuration.cache.max_entries)
    except ValueError:
        # Its text may hold the URL, and that a password.
        raise StartError(
            Termination.CONFIGURATION_INVALID,
            "STORE_URL is no URL of a Redis, or has options with values that are none, such as a certificate that "
            "cannot be read: set it to redis://[user:password@]host:port/0, rediss://… or unix:///path.",
        ) from None
    async with Fallback(redis, memory) as store:
        yield store
