-- The request comes from the environment; what was measured is printed as one line of JSON. With BENCH_SESSIONS every
-- request has an id of its own and the session whose turn it is; with BENCH_COUNT errors in answers are counted.
local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = "POST"
wrk.body = read(os.getenv("BENCH_BODY_FILE"))
for line in os.getenv("BENCH_HEADERS"):gmatch("[^\n]+") do
  local name, value = line:match("^([^:]+): (.*)$")
  wrk.headers[name] = value
end

local threads = {}
function setup(thread)
  table.insert(threads, thread)
end

local FIRST_ID, LAST_ID = 100000, 999999
local requests, id = {}, FIRST_ID

local function next_request()
  id = id < LAST_ID and id + 1 or FIRST_ID
  local around = requests[id % #requests + 1]
  return around[1] .. id .. around[2]
end

refused = 0
local function count(status, _, body)
  if status ~= 200 or body:find('"error":', 1, true) then refused = refused + 1 end
end

function init()
  for session in (os.getenv("BENCH_SESSIONS") or ""):gmatch("%S+") do
    wrk.headers["Mcp-Session-Id"] = session ~= "-" and session or nil
    local whole = wrk.format()
    local from, to = whole:find('"id":' .. FIRST_ID, 1, true)
    table.insert(requests, { whole:sub(1, from + 4), whole:sub(to + 1) })
  end
  if #requests > 0 then request = next_request end
  if os.getenv("BENCH_COUNT") then response = count end
end

function done(summary, latency)
  local errors = summary.errors
  local refusals = 0
  for _, thread in ipairs(threads) do refusals = refusals + (thread:get("refused") or 0) end
  io.write(string.format(
    '{"requests":%d,"durationUs":%d,"bytes":%d,"p50Us":%d,"p99Us":%d,"broken":%d,"refused":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, refusals))
end
