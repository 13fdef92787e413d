-- The health of an Application within an app of apps, which Argo CD leaves unjudged: the next wave begins once this one
-- is synchronised and healthy.
local status = obj.status or {}
local synced = status.sync ~= nil and status.sync.status == "Synced"
local health = status.health or {}
if health.status == nil or (health.status == "Healthy" and not synced) then
  return { status = "Progressing", message = "Not synchronised yet." }
end
return { status = health.status, message = health.message or "" }
