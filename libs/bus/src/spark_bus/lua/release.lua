-- Give the lease back.
-- KEYS  writer
-- ARGV  owner
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then
    redis.call('HSET', KEYS[1], 'until', '0')
end
return 'released'
