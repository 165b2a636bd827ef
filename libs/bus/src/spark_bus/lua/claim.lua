-- Become the venue's one writer, if nobody else's lease runs.
-- KEYS  messages latest epoch writer
-- ARGV  owner, lease (ms), mode, id for a new epoch, its birth message
-- Returns {1, epoch, 1 if it was born now, the writer's fields} or {0, ms until the present lease ends}.
local messages, latest, epoch, writer = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local owner, lease, mode, newborn, birth = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')

local held = redis.call('HMGET', writer, 'owner', 'until', 'run', 'mode', 'number', 'reply')
local ends = tonumber(held[2] or '0')
if held[1] and held[1] ~= owner and ends > now then
    return {0, ends - now}
end

-- Another Redis process than the one last written to may have come back without its tail, and a writer that
-- starts has no batch number of its own that would show it.
local current = redis.call('GET', epoch)
local born = 0
if not current or held[3] ~= run or held[4] ~= mode then
    redis.call('DEL', latest)
    redis.call('SET', epoch, newborn)
    redis.call('XADD', messages, '*', 'k', 'instruments', 's', '', 'd', birth)
    current = newborn
    born = 1
elseif held[1] == owner and held[5] == '0' and held[6] == 'born' then
    born = 1 -- this claim was answered before, and the answer was lost
end
redis.call('HSET', writer, 'owner', owner, 'until', string.format('%.0f', now + lease), 'run', run, 'mode', mode,
    'number', '0', 'reply', born == 1 and 'born' or '')
return {1, current, born, redis.call('HGETALL', writer)}
