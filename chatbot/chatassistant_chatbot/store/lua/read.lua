-- A conversation with its turns.
-- KEYS: the conversation, its turns.
-- Gives title, metadata, created and updated, then the turns; nothing when there is no such conversation.
local found = redis.call('HMGET', KEYS[1], 'title', 'metadata', 'created', 'updated')
return found[4] and {found, redis.call('LRANGE', KEYS[2], 0, -1)}
