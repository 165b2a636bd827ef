-- Become the venue's one writer, if nobody else's lease runs.
-- KEYS  messages latest epoch writer heard
-- ARGV  owner, lease (ms), mode, id for a new epoch, its birth message
-- Returns {1, epoch, '' or why it was born now: 'lost' or 'mode', the writer's fields, `heard`},
-- {0, ms until the present lease ends} or the error of a full Redis.
local messages, latest, epoch, writer, heard = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local owner, lease, mode, newborn, birth = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]

local now, run = clock(), run_id()
local held = redis.call('HMGET', writer, 'owner', 'until', 'lease', 'run', 'mode', 'number', 'reply')
local left = tonumber(held[2] or '0') - now
-- A lease that has more left than it was given for was given by a clock that has since been set back.
if held[1] and held[1] ~= owner and left > 0 and left <= tonumber(held[3] or '0') then
    return {0, left}
end
if held[1] == owner and held[6] ~= '0' then
    return {0, 0} -- it was long on its way, and a later one was answered: nobody waits for this
end

-- Another Redis process than the one last written to may have come back without its tail, and a writer that
-- starts has no batch number of its own that would show it.
local current = redis.call('GET', epoch)
local birth_of = ''
if held[5] and held[5] ~= mode then
    birth_of = 'mode'
    redis.call('DEL', writer, heard) -- how far the other mode came says nothing of this one
elseif not current or held[4] ~= run then
    birth_of = 'lost'
end
if birth_of ~= '' then
    begin_epoch(messages, latest, epoch, newborn, birth)
    current = newborn
elseif held[1] == owner then
    birth_of = held[7] -- this claim was answered before, and the answer was lost
end
local refusal = refused(messages, writer, 'owner', owner, 'until', whole(now + lease), 'lease', whole(lease),
    'run', run, 'mode', mode, 'number', '0', 'reply', birth_of)
if refusal then
    return refusal
end
return {1, current, birth_of, redis.call('HGETALL', writer), redis.call('HGETALL', heard)}
