-- Sees to it that no less is spent than is known: a server that was started again may have forgotten it.
-- KEYS: the day. ARGV: what is known to be spent, milliseconds to keep the day.
if tonumber(redis.call('HGET', KEYS[1], 'spent') or 0) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'spent', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
