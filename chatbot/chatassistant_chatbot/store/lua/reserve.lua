-- Holds a part of a day's budget while less than all is spent or held.
-- KEYS: the day, its holds. ARGV: the hold as 'id:nanos', its nanos, the limit, milliseconds of a hold, of a day.
-- Gives whether it is held, what is spent, and since when the day is known here.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSETNX', KEYS[1], 'since', now)
for _, hold in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
  redis.call('ZREM', KEYS[2], hold)
  redis.call('HINCRBY', KEYS[1], 'held', '-' .. hold:match('%d+$'))
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local day = redis.call('HMGET', KEYS[1], 'spent', 'held', 'since')
local spent, held = tonumber(day[1] or 0), tonumber(day[2] or 0)
if spent + held >= tonumber(ARGV[3]) then
  return {0, spent, day[3]}
end
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('HINCRBY', KEYS[1], 'held', ARGV[2])
return {1, spent, day[3]}
