-- Replace the venue's directory, unless another writes the venue; values of what is not in it are current no more.
-- KEYS  writer instruments latest
-- ARGV  owner, then symbol and instrument, JSON
-- Returns 'fenced' or 'written'.
local writer, instruments, latest = KEYS[1], KEYS[2], KEYS[3]
if redis.call('HGET', writer, 'owner') ~= ARGV[1] then
    return 'fenced'
end
local carried = {}
redis.call('DEL', instruments)
for at = 2, #ARGV, 2 do
    carried[ARGV[at]] = true
    redis.call('HSET', instruments, ARGV[at], ARGV[at + 1])
end
for _, field in ipairs(redis.call('HKEYS', latest)) do
    if not carried[string.match(field, ':(.*)$')] then
        redis.call('HDEL', latest, field)
    end
end
return 'written'
