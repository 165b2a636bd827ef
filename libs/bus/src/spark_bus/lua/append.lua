-- Append a batch, once: fenced by its writer, idempotent by its number.
-- KEYS  messages latest epoch writer
-- ARGV  owner, number, lease (ms), most entries kept, last entry known, id for a new epoch, its birth message,
--       n, then n times: channel, received_at of its last message in the batch;
--       then for each entry: type, symbol, message, field of `latest` or ''
-- Returns 'fenced'; or 'born EPOCH' (nothing was appended: write the current values first, then this batch again
-- under the next number); or 'appended EPOCH ENTRY', the last entry of the stream.
local messages, latest, epoch, writer = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local owner, number, lease, most, known = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local newborn, birth = ARGV[6], ARGV[7]

local held = redis.call('HMGET', writer, 'owner', 'number', 'reply')
if held[1] ~= owner then
    return 'fenced'
end
redis.call('HSET', writer, 'until', whole(clock() + lease))
if held[2] == number then
    return held[3]
end

local reply
local current = redis.call('GET', epoch)
if not current or tonumber(number) ~= tonumber(held[2]) + 1 or ends_before(messages, known) then
    begin_epoch(messages, latest, epoch, newborn, birth)
    reply = 'born ' .. newborn
    redis.call('HSET', writer, 'number', number, 'reply', reply)
    return reply
end

local at = 9
for _ = 1, tonumber(ARGV[8]) do
    redis.call('HSET', writer, 'last:' .. ARGV[at], ARGV[at + 1])
    at = at + 2
end
local entry = known
while at <= #ARGV do
    entry = redis.call('XADD', messages, 'MAXLEN', '~', most, '*', 'k', ARGV[at], 's', ARGV[at + 1], 'd', ARGV[at + 2])
    if ARGV[at + 3] ~= '' then
        redis.call('HSET', latest, ARGV[at + 3], entry .. ' ' .. ARGV[at + 2])
    end
    at = at + 4
end
reply = 'appended ' .. current .. ' ' .. entry
redis.call('HSET', writer, 'number', number, 'reply', reply)
return reply
