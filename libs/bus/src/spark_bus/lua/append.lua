-- Append a batch, once: fenced by its writer, idempotent by its number.
-- KEYS  messages latest epoch writer
-- ARGV  owner, number, lease (ms), most entries kept, last entry known, id for a new epoch, its birth message,
--       n, then n fields and values of `writer` that say how far the batch comes;
--       then for each entry: type, symbol, message, field of `latest` or ''; a type of '' sets the field alone, as of
--       the entry before it
-- Returns 'fenced'; 'late'; the error of a full Redis; 'born EPOCH NUMBER' (nothing was appended: write the current
-- values first, then this batch again under the next number); or 'appended EPOCH ENTRY NUMBER', the last entry of the
-- stream. The number is the batch's: an answer to another one is never taken for this one's.
local messages, latest, epoch, writer = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local owner, number, lease, most, known = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local newborn, birth = ARGV[6], ARGV[7]

local held = redis.call('HMGET', writer, 'owner', 'number', 'reply')
if held[1] ~= owner then
    return 'fenced'
end
if tonumber(number) < tonumber(held[2]) then
    return 'late' -- it was long on its way, given up, sent again and answered: nobody waits for this
end
local refusal = refused(messages, writer, 'until', whole(clock() + lease))
if refusal then
    return refusal
end
if held[2] == number then
    return held[3]
end

local reply
local current, entry = redis.call('GET', epoch), last_entry(messages)
if not current or tonumber(number) ~= tonumber(held[2]) + 1 or is_before(entry, known) then
    begin_epoch(messages, latest, epoch, newborn, birth)
    reply = 'born ' .. newborn .. ' ' .. number
    redis.call('HSET', writer, 'number', number, 'reply', reply)
    return reply
end

local call = redis.call -- one look-up for all entries
local first = 9 + tonumber(ARGV[8])
for at = first, #ARGV, 4 do
    local kind, message, field = ARGV[at], ARGV[at + 2], ARGV[at + 3]
    if kind ~= '' then
        entry = call('XADD', messages, '*', 'k', kind, 's', ARGV[at + 1], 'd', message)
    end
    if field ~= '' then
        call('HSET', latest, field, entry .. ' ' .. message)
    end
end
redis.call('XTRIM', messages, 'MAXLEN', '~', most)
reply = 'appended ' .. current .. ' ' .. entry .. ' ' .. number
redis.call('HSET', writer, 'number', number, 'reply', reply, unpack(ARGV, 9, first - 1))
return reply
