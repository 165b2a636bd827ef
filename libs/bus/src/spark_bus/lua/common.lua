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

-- The id of the stream's last entry, nil without one.
local function last_entry(messages)
    local last = redis.call('XREVRANGE', messages, '+', '-', 'COUNT', 1)[1]
    return last and last[1]
end

-- Whether a stream that ends with one entry (nil: it is empty) ends before another that it once had: then ids given
-- from now on could be ones that readers have passed, and they would never see them. A replica that was promoted without
-- its tail, on a slower clock, does that.
local function is_before(last, known)
    if not last then
        return true
    end
    local ms, seq = string.match(last, '(%d+)-(%d+)')
    local known_ms, known_seq = string.match(known, '(%d+)-(%d+)')
    ms, known_ms = tonumber(ms), tonumber(known_ms)
    return ms < known_ms or (ms == known_ms and tonumber(seq) < tonumber(known_seq))
end

-- Set fields of the writer's hash, as the first write of a script: it is the one that a full Redis refuses. The oldest
-- tenth of the stream goes then, since a shorter past is better than no present: what is sent again finds room.
-- Returns the refusal, nil without one.
local function refused(messages, writer, ...)
    local answer = redis.pcall('HSET', writer, ...)
    if type(answer) ~= 'table' then
        return nil
    end
    if string.find(answer.err, 'OOM', 1, true) then
        redis.call('XTRIM', messages, 'MAXLEN', '~', math.floor(redis.call('XLEN', messages) * 0.9))
    end
    return answer
end
