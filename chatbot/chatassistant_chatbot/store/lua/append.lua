-- Adds a turn to a conversation; the oldest go when there are too many or they are too large.
-- KEYS: the conversation, its turns, the user's conversations.
-- ARGV: the id, the turn, a title for a conversation that has none, how many turns, how many bytes, milliseconds to
-- keep it.
-- Gives whether there is such a conversation.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local count = redis.call('RPUSH', KEYS[2], ARGV[2])
local bytes = redis.call('HINCRBY', KEYS[1], 'bytes', #ARGV[2])
while count > 1 and (count > tonumber(ARGV[4]) or bytes > tonumber(ARGV[5])) do
  bytes = bytes - #redis.call('LPOP', KEYS[2])
  count = count - 1
end
redis.call('HSET', KEYS[1], 'bytes', bytes, 'updated', now)
if redis.call('HGET', KEYS[1], 'title') == '' then
  redis.call('HSET', KEYS[1], 'title', ARGV[3])
end
redis.call('ZADD', KEYS[3], now, ARGV[1])
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[6])
end
return 1
