-- Lets a hold go and adds what was used.
-- KEYS: the day, its holds.
-- ARGV: the hold as 'id:nanos' or '', milliseconds to keep the day, the model, then what was used of it.
-- Gives what is spent, and since when the day is known here.
if redis.call('ZREM', KEYS[2], ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'held', '-' .. ARGV[1]:match('%d+$'))
end
local time = redis.call('TIME')
redis.call('HSETNX', KEYS[1], 'since', time[1] * 1000 + math.floor(time[2] / 1000))
local names = {'requests', 'prompt_tokens', 'completion_tokens', 'nanos', 'cached_requests', 'saved_nanos'}
for number, name in ipairs(names) do
  if ARGV[number + 3] ~= '0' then
    redis.call('HINCRBY', KEYS[1], name .. ':' .. ARGV[3], ARGV[number + 3])
  end
end
local spent = redis.call('HINCRBY', KEYS[1], 'spent', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {spent, redis.call('HGET', KEYS[1], 'since')}
