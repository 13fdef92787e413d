-- Caches a value; what was cached longest ago goes when there are too many.
-- KEYS: the value, the times of all. ARGV: its key, the value, milliseconds to keep it, how many, what keys begin with.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[4])) do
  redis.call('DEL', ARGV[5] .. key)
  redis.call('ZREM', KEYS[2], key)
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
