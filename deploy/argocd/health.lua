-- The health of a ChatAssistant, for Argo CD. `obj` is the live object; the message is always that of Ready.
local conditions = {}
for _, condition in ipairs(obj.status and obj.status.conditions or {}) do
  conditions[condition.type] = condition
end

local ready = conditions.Ready
if ready == nil then
  return { status = "Progressing", message = "Pending: the operator has not seen this object yet." }
end

local hs = { status = "Progressing", message = ready.reason .. ": " .. ready.message }
local generation = obj.metadata.generation
if obj.status.observedGeneration ~= generation or ready.observedGeneration ~= generation then
  return hs -- The status speaks of an earlier generation, or of none.
end

if ready.status == "True" then
  hs.status = ready.reason == "Suspended" and "Suspended" or "Healthy"
elseif conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  hs.status = "Degraded"
end
return hs
