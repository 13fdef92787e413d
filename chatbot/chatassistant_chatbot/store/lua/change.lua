-- Changes fields of a conversation.
-- KEYS: the conversation. ARGV: fields and values.
-- Gives title, metadata, created and updated; nothing when there is no such conversation.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
if ARGV[1] then
  redis.call('HSET', KEYS[1], unpack(ARGV))
end
return redis.call('HMGET', KEYS[1], 'title', 'metadata', 'created', 'updated')
