-- Begins a conversation; when the user has too many, those that were touched longest ago go.
-- KEYS: the conversation, the user's conversations.
-- ARGV: its id, title, metadata, milliseconds to keep it, how many, what keys of conversations and of turns begin with.
-- Gives the time in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('HSET', KEYS[1], 'title', ARGV[2], 'metadata', ARGV[3], 'created', now, 'updated', now, 'bytes', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[5])) do
  redis.call('DEL', ARGV[6] .. id, ARGV[7] .. id)
  redis.call('ZREM', KEYS[2], id)
end
return now
