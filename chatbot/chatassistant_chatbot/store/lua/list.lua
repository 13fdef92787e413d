-- A page of a user's conversations, last touched first.
-- KEYS: the user's conversations. ARGV: how many, the id that comes before the page or '', milliseconds for which
-- conversations are kept, what their keys begin with.
-- Gives whether there are more, then id, title, metadata, created and updated of each; nothing for an unknown id.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3] * 1000)
local first = 0
if ARGV[2] ~= '' then
  local before = redis.call('ZREVRANK', KEYS[1], ARGV[2])
  if not before then
    return false
  end
  first = before + 1
end
local last = first + ARGV[1] - 1
local page = {redis.call('ZCARD', KEYS[1]) > last + 1 and 1 or 0}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], first, last)) do
  local found = redis.call('HMGET', ARGV[4] .. id, 'title', 'metadata', 'created', 'updated')
  if found[4] then
    table.insert(page, {id, unpack(found)})
  end
end
return page
