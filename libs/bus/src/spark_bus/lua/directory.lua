-- Replace the venue's directory, unless another writes the venue.
-- KEYS  writer instruments
-- ARGV  owner, then symbol and instrument, JSON
-- Returns 'fenced' or 'written'.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return 'fenced'
end
redis.call('DEL', KEYS[2])
for at = 2, #ARGV, 2 do
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
end
return 'written'
