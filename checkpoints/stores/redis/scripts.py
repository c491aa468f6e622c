"""The Lua scripts of a Redis store: each is one step that happens whole, alone, or not at all.

A script checks everything before it writes, for Redis undoes nothing of a script that fails
halfway. Redis refuses a script that needs memory only at its first write; so what frees memory
begins with a removal, and is let through even when memory is full.
"""

from __future__ import annotations

KEYS: dict[str, str] = {
    "meta": "hash",
    "ids": "hash",
    "places": "hash",
    "records": "hash",
    "frames": "hash",
    "bases": "zset",
    "listed": "zset",
    "threads": "hash",
    "named": "zset",
    "lines": "hash",
    "heads": "hash",
    "counts": "hash",
    "order": "zset",
    "log": "zset",
    "events": "hash",
    "trash": "zset",
    "moves": "hash",
    "pins": "hash",
    "expiry": "zset",
    "quarantine": "hash",
    "journal": "zset",
    "entries": "hash",
}
"""The keys of a store and their types.

``ids``: checkpoint id to position. ``places``: position to ``<thread number> <checkpoint id>``.
``records``, ``frames``: position to bytes. ``bases``: a position, scored by that of the frame it
stands on. ``listed``: thread number and position in hexadecimal, ordered as text. ``threads``:
name to number, ``lines`` back, ``named``: the names as text in order. ``heads``, ``counts``: by
thread number. ``order``: thread numbers by the position of their last move. ``log``: all positions.
``events``: position to what happened. ``trash``: positions by time of removal. ``expiry``:
positions, and events that tell of their removal, by the time after which they go. ``journal``: the
names of entries as text in order, ``entries``: their bodies by name. A thread with an empty head
has none.
"""

_NAMES = ", ".join(f"'{name}'" for name in KEYS)
_TYPES = ", ".join(f"{name} = '{kind}'" for name, kind in KEYS.items())

READ = f"""
local K = {{}}
for at, name in ipairs({{{_NAMES}}}) do K[name] = KEYS[at] end
local call = redis.call
local function member(n, pos) return string.format('%016x%016x', n, pos) end
local function split(place)
  local cut = place and string.find(place, ' ', 1, true)
  if not cut or not string.find(place, '^%d+ ') then return false, false end
  return string.sub(place, 1, cut - 1), string.sub(place, cut + 1)
end
local function row(pos)
  local n, id = split(pos and call('HGET', K.places, pos))
  if not n then return false end
  return {{pos, id, n, call('HGET', K.lines, n), call('HGET', K.records, pos),
    call('HSTRLEN', K.frames, pos), call('ZSCORE', K.trash, pos)}}
end
local function thread(n)
  return {{n, call('HGET', K.lines, n), call('HGET', K.heads, n), call('HGET', K.counts, n)}}
end
"""

WRITE = f"""{READ}
local meta = call('HMGET', K.meta, 'id', 'format')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return {{'other'}} end
for name, kind in pairs({{{_TYPES}}}) do
  local found = call('TYPE', K[name]).ok
  if found ~= kind and found ~= 'none' then return {{'wrong', K[name]}} end
end
local function advance()
  local pos = call('HINCRBY', K.meta, 'position', 1)
  call('ZADD', K.log, pos, pos)
  return pos
end
local function event(name, n, at, id, reason)
  local pos = advance()
  call('HSET', K.events, pos, cmsgpack.pack({{name, n, at, id, reason}}))
  return pos
end
"""

LAY = f"""{READ}
local kind = call('TYPE', K.meta).ok
if kind == 'none' then
  if ARGV[4] ~= '' then return {{'other'}} end
  for name, key in pairs(K) do
    if call('EXISTS', key) == 1 then return {{'foreign', key}} end
  end
  call('HSET', K.meta, 'kind', 'holdfast', 'format', ARGV[2], 'id', ARGV[1],
    'position', 0, 'epoch', 0, 'run', ARGV[3])
elseif kind ~= 'hash' then
  return {{'foreign', K.meta}}
end
local meta = call('HMGET', K.meta, 'kind', 'format', 'id', 'run')
if meta[1] ~= 'holdfast' then return {{'foreign', K.meta}} end
if meta[2] == ARGV[2] and ARGV[3] ~= '' and meta[4] ~= ARGV[3] then
  call('HINCRBY', K.meta, 'epoch', 1)
  call('HSET', K.meta, 'run', ARGV[3])
end
return {{'laid', meta[2], meta[3]}}
"""
"""Lays a store where nothing is. A server that started since the last save may have lost what it
had acknowledged, so its positions are told apart from earlier ones by another epoch."""

LOOK = f"""{READ}
local kind = call('TYPE', K.meta).ok
if kind == 'none' then return {{'none'}} end
if kind ~= 'hash' then return {{'foreign', K.meta}} end
local meta = call('HMGET', K.meta, 'kind', 'format', 'id', 'epoch', 'position', 'horizon')
if meta[1] ~= 'holdfast' then return {{'foreign', K.meta}} end
return {{'laid', meta[2], meta[3], meta[4], meta[5], meta[6]}}
"""

PUT = f"""{WRITE}
local name, before, after, ttl = unpack(ARGV, 3, 6)
local first, size = 7, 5
local known, repeated = {{}}, false
for i = first, #ARGV, size do
  local pos = call('HGET', K.ids, ARGV[i])
  known[#known + 1] = pos and (row(pos) or 'lost')
  repeated = repeated or pos
end
if repeated then return {{'known', known}} end
local n = call('HGET', K.threads, name)
local head = n and (call('HGET', K.heads, n) or 'lost') or ''
if head ~= before then return {{'head', head}} end
for i = first, #ARGV, size do
  local base, base_id = unpack(ARGV, i + 3, i + 4)
  if base_id ~= '' then
    local _, standing = split(call('HGET', K.places, base))
    if standing ~= base_id or call('HEXISTS', K.frames, base) == 0 then return {{'base'}} end
  end
end
local placed = {{}}
for i = first, #ARGV, size do
  local id, record, frame, base, base_id = unpack(ARGV, i, i + 4)
  local pos = advance()
  placed[#placed + 1] = pos
  if not n then
    n = pos
    call('HSET', K.threads, name, n)
    call('HSET', K.lines, n, name)
    call('ZADD', K.named, 0, name)
  end
  if base ~= '' and base_id == '' then base = placed[tonumber(base)] end
  call('HSET', K.frames, pos, frame)
  call('HSET', K.records, pos, record)
  call('HSET', K.places, pos, n .. ' ' .. id)
  call('HSET', K.ids, id, pos)
  if base ~= '' then call('ZADD', K.bases, base, pos) end
  call('ZADD', K.listed, 0, member(n, pos))
  if ttl ~= '' then call('ZADD', K.expiry, call('TIME')[1] + ttl, pos) end
end
call('HINCRBY', K.counts, n, #placed)
call('HSET', K.heads, n, after)
call('ZADD', K.order, placed[#placed], n)
return {{'saved', placed}}
"""
"""Saves a chain of checkpoints, all or none. Each brings its id, record and frame, and what that
stands on: a position with its id, or without one the number of an earlier one of the chain."""

MOVE = f"""{WRITE}
local n, before, after, id, at, operation, shown = unpack(ARGV, 3)
if operation ~= '' and call('HEXISTS', K.moves, operation) == 1 then return {{'changed'}} end
if (call('HGET', K.heads, n) or '') ~= before then return {{'changed'}} end
local pos = call('HGET', K.ids, id)
if shown == '1' and (not pos or call('ZSCORE', K.trash, pos)) then return {{'changed'}} end
call('HSET', K.heads, n, after)
call('ZADD', K.order, event('head_moved', n, at, id, ''), n)
if operation ~= '' then call('HSET', K.moves, operation, n .. ' ' .. after) end
return {{'moved'}}
"""

PIN = f"""{WRITE}
local pos = call('HGET', K.ids, ARGV[3])
if not pos or call('ZSCORE', K.trash, pos) then return {{'missing'}} end
call('HSET', K.pins, ARGV[3], ARGV[4])
return {{'pinned'}}
"""

UNPIN = f"""{WRITE}
return {{'unpinned', call('HDEL', K.pins, ARGV[3])}}
"""

TRASH = f"""{WRITE}
local at, keep = unpack(ARGV, 3, 4)
for i = 5, #ARGV, 5 do
  local id, pos, n, head = unpack(ARGV, i, i + 3)
  if call('HGET', K.ids, id) ~= pos or call('ZSCORE', K.trash, pos)
    or call('HEXISTS', K.pins, id) == 1 or (call('HGET', K.heads, n) or '') ~= head then
    return {{'changed'}}
  end
end
for i = 5, #ARGV, 5 do
  local id, pos, n, head, reason = unpack(ARGV, i, i + 4)
  call('ZREM', K.listed, member(n, pos))
  call('ZADD', K.trash, at, pos)
  call('HINCRBY', K.counts, n, -1)
  local told = event('trashed', n, at, id, reason)
  if keep ~= '' then call('ZADD', K.expiry, call('TIME')[1] + keep, 'event ' .. told) end
end
return {{'trashed'}}
"""

UNTRASH = f"""{WRITE}
local back = 0
for i = 3, #ARGV do
  local pos = call('HGET', K.ids, ARGV[i])
  local at = pos and call('ZSCORE', K.trash, pos)
  local n = at and split(call('HGET', K.places, pos))
  if n then
    event('untrashed', n, string.format('%.0f', at), ARGV[i], '')
    call('ZREM', K.trash, pos)
    call('ZADD', K.listed, 0, member(n, pos))
    call('HINCRBY', K.counts, n, 1)
    back = back + 1
  end
end
return {{'untrashed', back}}
"""

DELETE = f"""{WRITE}
local count, at, thread, head = tonumber(ARGV[3]), unpack(ARGV, 4, 6)
local erased = at ~= ''
local going, standing = {{}}, {{}}
if erased and (call('HGET', K.heads, thread) or '') ~= head then return {{'changed'}} end
for i = 7, 6 + count do
  local n = split(call('HGET', K.places, ARGV[i]))
  if erased and n ~= thread or not erased and not call('ZSCORE', K.trash, ARGV[i]) then
    return {{'changed'}}
  end
  going[ARGV[i]] = true
end
for i = 7 + count, #ARGV, 4 do
  local pos, base, against = unpack(ARGV, i, i + 2)
  if tonumber(against) and call('HEXISTS', K.frames, against) == 0 then return {{'changed'}} end
  standing[pos] = base
end
for pos in pairs(going) do
  for _, child in ipairs(call('ZRANGEBYSCORE', K.bases, pos, pos)) do
    if not going[child] and standing[child] ~= pos then return {{'changed'}} end
  end
end
for i = 7, 6 + count do
  local pos = ARGV[i]
  local n, id = split(call('HGET', K.places, pos))
  call('HDEL', K.frames, pos)
  call('HDEL', K.records, pos)
  call('HDEL', K.places, pos)
  if id then call('HDEL', K.ids, id) end
  if erased then
    call('HDEL', K.pins, id)
    if call('ZREM', K.listed, member(n, pos)) == 1 then
      call('HINCRBY', K.counts, n, -1)
      event('erased', n, at, id, 'erased')
    end
  end
  for _, key in ipairs({{K.bases, K.trash, K.log, K.expiry}}) do call('ZREM', key, pos) end
end
for i = 7 + count, #ARGV, 4 do
  local pos, base, against, frame = unpack(ARGV, i, i + 3)
  if against ~= 'lost' then call('HSET', K.frames, pos, frame) end
  if against == '' then call('ZREM', K.bases, pos) end
  if tonumber(against) then call('ZADD', K.bases, against, pos) end
end
return {{'deleted'}}
"""
"""Deletes what lies in the trash or, with a time, a thread and its head, whatever that thread has
and the head is not; and writes anew what stands on it."""

EXPIRED = f"""{WRITE}
local now = tonumber(call('TIME')[1])
local turn, period = tonumber(call('HGET', K.meta, 'turn') or 0), tonumber(ARGV[3])
if ARGV[4] == '' and now < turn and turn <= now + period then return {{'later'}} end
call('HSET', K.meta, 'turn', now + period)
local found = {{'due', 0, now}}
for _, pos in ipairs(call('ZRANGEBYSCORE', K.expiry, '-inf', now, 'LIMIT', 0, 200)) do
  local told = string.match(pos, '^event (%d+)$')
  if told then
    call('ZREM', K.expiry, pos)
    call('ZREM', K.log, told)
    call('HDEL', K.events, told)
    local horizon = tonumber(call('HGET', K.meta, 'horizon') or 0)
    call('HSET', K.meta, 'horizon', math.max(horizon, tonumber(told)))
    found[2] = found[2] + 1
  else
    found[#found + 1] = pos
  end
end
return found
"""

POSTPONE = f"""{WRITE}
for i = 4, #ARGV do call('ZADD', K.expiry, 'XX', ARGV[3], ARGV[i]) end
return {{'postponed'}}
"""

QUARANTINE = f"""{WRITE}
local pos, sha1, at, reason = unpack(ARGV, 3)
local frame = call('HGET', K.frames, pos) or ''
local n, id = split(call('HGET', K.places, pos))
if redis.sha1hex(frame) ~= sha1 or not n then return {{'changed'}} end
local base = call('ZSCORE', K.bases, pos)
call('HSET', K.quarantine, pos, cmsgpack.pack({{id, n, base or '', reason, at}}))
call('HSET', K.quarantine, pos .. ':record', call('HGET', K.records, pos) or '')
call('HSET', K.quarantine, pos .. ':frame', frame)
if not call('ZSCORE', K.trash, pos) then
  call('HINCRBY', K.counts, n, -1)
end
call('ZREM', K.listed, member(n, pos))
call('HDEL', K.frames, pos)
call('HDEL', K.records, pos)
call('HDEL', K.places, pos)
if call('HGET', K.ids, id) == pos then call('HDEL', K.ids, id) end
for _, key in ipairs({{K.bases, K.trash, K.log, K.expiry}}) do call('ZREM', key, pos) end
event('quarantined', n, at, id, reason)
return {{'quarantined'}}
"""

RELIST = f"""{WRITE}
for i = 3, #ARGV, 4 do
  local pos, n, id, name = unpack(ARGV, i, i + 3)
  if call('HEXISTS', K.frames, pos) == 1 then
    call('HSETNX', K.places, pos, n .. ' ' .. id)
    if not call('HGET', K.ids, id) then call('HSET', K.ids, id, pos) end
    if not call('ZSCORE', K.log, pos) then call('ZADD', K.log, pos, pos) end
    if not call('ZSCORE', K.trash, pos) then call('ZADD', K.listed, 0, member(n, pos)) end
    if name ~= '' then
      call('HSETNX', K.threads, name, n)
      call('HSETNX', K.lines, n, name)
      call('ZADD', K.named, 0, name)
      if not call('ZSCORE', K.order, n) then call('ZADD', K.order, pos, n) end
    end
  end
end
return {{'listed'}}
"""

RECOUNT = f"""{WRITE}
local total = 0
for i = 3, #ARGV do
  local n = string.format('%016x', ARGV[i])
  for _, entry in ipairs(call('ZRANGEBYLEX', K.listed, '[' .. n, '[' .. n .. 'g')) do
    local pos = tonumber(string.sub(entry, 17), 16)
    if not pos or call('HEXISTS', K.places, pos) == 0 then call('ZREM', K.listed, entry) end
  end
  local count = call('ZLEXCOUNT', K.listed, '[' .. n, '[' .. n .. 'g')
  call('HSET', K.counts, ARGV[i], count)
  total = total + count
end
return {{'counted', total}}
"""
