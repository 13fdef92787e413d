-- Sees to it that no less is spent than was known: a server that was started again may have forgotten it.
-- KEYS: the day. ARGV: what was known to be spent, milliseconds to keep the day.
-- Gives what is spent.
local spent = tonumber(redis.call('HGET', KEYS[1], 'spent') or 0)
if spent < tonumber(ARGV[1]) then
  spent = tonumber(ARGV[1])
  redis.call('HSET', KEYS[1], 'spent', spent)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return spent
