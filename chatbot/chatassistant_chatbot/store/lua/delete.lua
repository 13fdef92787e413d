-- Forgets a conversation.
-- KEYS: the conversation, its turns, the user's conversations. ARGV: its id.
-- Gives whether there was one.
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('DEL', KEYS[2])
return redis.call('DEL', KEYS[1])
