-- What the scripts share; put in front of each of them.

-- Redis's clock, ms.
local function clock()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number)
    return string.format('%.0f', number)
end

-- Which Redis process this is.
local function run_id()
    return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
end

-- A new epoch has no current values, and an entry of its own that everything in it comes after.
local function begin_epoch(messages, latest, epoch, newborn, birth)
    redis.call('DEL', latest)
    redis.call('SET', epoch, newborn)
    redis.call('XADD', messages, '*', 'k', 'instruments', 's', '', 'd', birth)
end

-- Whether the stream ends before an entry that it once had: then ids given from now on could be ones that readers have
-- passed, and they would never see them. A replica that was promoted without its tail, on a slower clock, does that.
local function ends_before(messages, entry)
    local last = redis.call('XREVRANGE', messages, '+', '-', 'COUNT', 1)[1]
    if not last then
        return true
    end
    local ms, seq = string.match(last[1], '(%d+)-(%d+)')
    local known_ms, known_seq = string.match(entry, '(%d+)-(%d+)')
    ms, known_ms = tonumber(ms), tonumber(known_ms)
    return ms < known_ms or (ms == known_ms and tonumber(seq) < tonumber(known_seq))
end

