-- One heartbeat: keep the lease, say that the ingest lives, trim by age.
-- KEYS  messages epoch writer heard feed
-- ARGV  owner, last number answered, lease (ms), last entry known, retention (ms), heartbeat message, feed state,
--       then field and value of `heard`
-- Returns {'fenced'}; {'behind'} (Redis lacks something that it had acknowledged); the error of a full Redis; or {'ok',
-- id of the first entry kept, id of the heartbeat}.
local messages, epoch, writer, heard, feed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local owner, number, lease, known, retention = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])

local held = redis.call('HMGET', writer, 'owner', 'number', 'run')
if held[1] ~= owner then
    return {'fenced'}
end
local last = last_entry(messages)
if held[2] ~= number or redis.call('EXISTS', epoch) == 0 or is_before(last, known) then
    return {'behind'}
end
local now = clock()
local refusal = refused(messages, writer, 'until', whole(now + lease))
if refusal then
    return refusal
end
-- Redis restarted and has all that it had acknowledged: from now on this process is the one we wrote to.
local run = run_id()
if held[3] ~= run then
    redis.call('HSET', writer, 'run', run)
end
-- After an idle time the last entry before this one may be old: it stays until the next heartbeat, so that a reader
-- who has had it can see that nothing after it was trimmed.
local oldest = whole(now - retention)
if tonumber(string.match(last, '^%d+')) < now - retention then
    oldest = last
end
local entry = redis.call('XADD', messages, '*', 'k', 'heartbeat', 's', '', 'd', ARGV[6])
redis.call('XTRIM', messages, 'MINID', oldest)
redis.call('SET', feed, ARGV[7])
for at = 8, #ARGV, 2 do
    redis.call('HSET', heard, ARGV[at], ARGV[at + 1])
end
return {'ok', redis.call('XRANGE', messages, '-', '+', 'COUNT', 1)[1][1], entry}
