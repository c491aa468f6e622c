"""The Lua scripts that read a Redis store; what one returns was so at one moment."""

from __future__ import annotations

from checkpoints.stores.redis.scripts import READ

FOUND = f"""{READ}
local rows = {{}}
for i, id in ipairs(ARGV) do rows[i] = row(call('HGET', K.ids, id)) end
return rows
"""

CHAIN = f"""{READ}
local pos = ARGV[1] == 'id' and call('HGET', K.ids, ARGV[2]) or ARGV[1] == 'at' and ARGV[2]
local links = {{}}
while pos and #links < 192 do
  local n, id = split(call('HGET', K.places, pos))
  local frame = call('HGET', K.frames, pos)
  if not n or not frame then break end
  for _, value in ipairs({{pos, id, frame}}) do links[#links + 1] = value end
  pos = call('ZSCORE', K.bases, pos)
end
return links
"""

HISTORY = f"""{READ}
local n, from, limit = unpack(ARGV)
local rows = {{}}
local first = '[' .. string.format('%016x', n)
local last = '(' .. member(n, from)
for i, entry in ipairs(call('ZREVRANGEBYLEX', K.listed, last, first, 'LIMIT', 0, limit)) do
  rows[i] = row(string.format('%.0f', tonumber(string.sub(entry, 17), 16)))
end
return rows
"""

THREAD = f"""{READ}
local n = call('HGET', K.threads, ARGV[1])
return n and thread(n) or {{}}
"""

NAMED = f"""{READ}
local found = {{}}
for i, name in ipairs(call('ZRANGEBYLEX', K.named, '[' .. ARGV[1], '[' .. ARGV[1] .. '\\255')) do
  local n = call('HGET', K.threads, name)
  if n then found[#found + 1] = thread(n) end
end
return found
"""

THREADS = f"""{READ}
local found = {{}}
for i, n in ipairs(call('ZREVRANGEBYSCORE', K.order, ARGV[1], '-inf', 'LIMIT', 0, ARGV[2])) do
  found[i] = thread(n)
  found[i][5] = call('ZSCORE', K.order, n)
end
return found
"""

NUMBERED = f"""{READ}
local found = {{}}
for i, n in ipairs(ARGV) do
  found[i] = thread(n)
  local first = string.format('%016x', n)
  found[i][5] = call('ZLEXCOUNT', K.listed, '[' .. first, '[' .. first .. 'g')
  found[i][6] = call('ZSCORE', K.order, n)
end
return found
"""

MOVED = f"""{READ}
local done = ARGV[1] ~= '' and call('HGET', K.moves, ARGV[1])
if not done then return {{}} end
local n, head = split(done)
return {{call('HGET', K.lines, n), head}}
"""

CHANGES = f"""{READ}
local after, limit = ARGV[1], tonumber(ARGV[2])
local waiting = call('ZRANGEBYSCORE', K.log, '(' .. after, '+inf', 'LIMIT', 0, limit + 1)
local complete = #waiting <= limit
local last = complete and call('HGET', K.meta, 'position') or waiting[limit]
local found = {{last, complete and 1 or 0}}
for i = 1, math.min(#waiting, limit) do
  local event = call('HGET', K.events, waiting[i])
  if event then
    local ok, values = pcall(cmsgpack.unpack, event)
    local id = ok and type(values) == 'table' and values[4]
    found[#found + 1] = {{event, row(id and call('HGET', K.ids, id))}}
  else
    found[#found + 1] = {{'', row(waiting[i])}}
  end
end
return found
"""

CHECKED = f"""{READ}
local rows = {{}}
for i, pos in ipairs(ARGV) do
  local n, id = split(call('HGET', K.places, pos))
  local trashed = call('ZSCORE', K.trash, pos)
  rows[i] = {{pos, n, id, call('ZSCORE', K.bases, pos), trashed,
    (trashed or n and call('ZSCORE', K.listed, member(n, pos))) and 1 or 0,
    id and call('HGET', K.ids, id) == pos and 1 or 0,
    call('HGET', K.records, pos), call('HGET', K.frames, pos)}}
end
return rows
"""

PLACED = f"""{READ}
local rows = {{}}
for i, pos in ipairs(ARGV) do
  local n, id = split(call('HGET', K.places, pos))
  rows[i] = {{pos, n, id, call('HGET', K.records, pos), call('ZSCORE', K.trash, pos)}}
end
return rows
"""

GOING = f"""{READ}
return call('ZREVRANGEBYSCORE', K.trash, '(' .. ARGV[1], '-inf')
"""

LYING = f"""{READ}
local found = {{}}
for i = 2, #ARGV do
  if split(call('HGET', K.places, ARGV[i])) == ARGV[1] then found[#found + 1] = row(ARGV[i]) end
end
return found
"""

STANDING = f"""{READ}
local found = {{}}
for _, pos in ipairs(ARGV) do
  for _, child in ipairs(call('ZRANGEBYSCORE', K.bases, pos, pos)) do
    found[#found + 1] = child
    found[#found + 1] = pos
  end
end
return found
"""

SIZES = f"""{READ}
local total = 0
for _, pos in ipairs(ARGV) do total = total + call('HSTRLEN', K.frames, pos) end
return total
"""
