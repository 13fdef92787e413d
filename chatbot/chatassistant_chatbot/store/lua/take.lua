-- Takes a place in a sliding window, when there is one.
-- KEYS: the window. ARGV: how many places, length in microseconds, the place's name.
-- Gives how many places there were, and in how many microseconds there is one more.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local places, length = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - length)
local free = places - redis.call('ZCARD', KEYS[1])
if free > 0 then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.ceil(length / 1000))
end
-- After a limit was lowered, more than one has to leave before the next may come.
local next = math.max(0, -free)
local taken = redis.call('ZRANGE', KEYS[1], next, next, 'WITHSCORES')[2]
return {math.max(0, free), taken + length - now}
