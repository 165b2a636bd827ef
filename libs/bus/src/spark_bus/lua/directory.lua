-- Replace the venue's directory, unless another writes the venue; of what is not in it nothing is current or heard.
-- KEYS  writer instruments latest heard
-- ARGV  owner, then symbol and instrument, JSON
-- Returns 'fenced' or 'written'.
local writer, instruments = KEYS[1], KEYS[2]
if redis.call('HGET', writer, 'owner') ~= ARGV[1] then
    return 'fenced'
end
local carried = {}
redis.call('DEL', instruments)
for at = 2, #ARGV, 2 do
    carried[ARGV[at]] = true
    redis.call('HSET', instruments, ARGV[at], ARGV[at + 1])
end
for at = 3, 4 do
    for _, field in ipairs(redis.call('HKEYS', KEYS[at])) do
        if not carried[string.match(field, ':(.*)$')] then
            redis.call('HDEL', KEYS[at], field)
        end
    end
end
return 'written'
