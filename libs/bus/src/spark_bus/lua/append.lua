-- Append a batch, once: fenced by its writer, idempotent by its number.
-- KEYS  messages latest epoch writer
-- ARGV  owner, number, lease (ms), most entries kept, id for a new epoch, its birth message,
--       n, then n times: channel, received_at of its last message in the batch;
--       then for each entry: type, symbol, message, field of `latest` or ''
-- Returns 'fenced'; or 'born EPOCH' (nothing was appended: write the current values first, then this batch again
-- under the next number); or 'appended EPOCH'.
local messages, latest, epoch, writer = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local owner, number, lease, most, newborn, birth = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]

local held = redis.call('HMGET', writer, 'owner', 'number', 'reply')
if held[1] ~= owner then
    return 'fenced'
end
local time = redis.call('TIME')
redis.call('HSET', writer, 'until', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + lease))
if held[2] == number then
    return held[3]
end

local reply
local current = redis.call('GET', epoch)
if not current or tonumber(number) ~= tonumber(held[2]) + 1 then
    redis.call('DEL', latest)
    redis.call('SET', epoch, newborn)
    redis.call('XADD', messages, '*', 'k', 'instruments', 's', '', 'd', birth)
    reply = 'born ' .. newborn
    redis.call('HSET', writer, 'number', number, 'reply', reply)
    return reply
end

local at = 8
for _ = 1, tonumber(ARGV[7]) do
    redis.call('HSET', writer, 'last:' .. ARGV[at], ARGV[at + 1])
    at = at + 2
end
while at <= #ARGV do
    local id = redis.call('XADD', messages, 'MAXLEN', '~', most, '*', 'k', ARGV[at], 's', ARGV[at + 1], 'd', ARGV[at + 2])
    if ARGV[at + 3] ~= '' then
        redis.call('HSET', latest, ARGV[at + 3], id .. ' ' .. ARGV[at + 2])
    end
    at = at + 4
end
reply = 'appended ' .. current
redis.call('HSET', writer, 'number', number, 'reply', reply)
return reply
