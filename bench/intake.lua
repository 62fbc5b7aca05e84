-- wrk's script: one order of three lines after another, each with its own reference and Idempotency-Key.
-- From the environment: BENCH_KEYS (API keys, comma separated), BENCH_RUN (a word that no other run uses),
-- BENCH_PER_SECOND (0: as fast as answers come).
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long micros; } bench_moment;
  int gettimeofday(bench_moment *, void *);
]]
local moment = ffi.new("bench_moment")
local SKUS = 10000
local keys = {}
for key in string.gmatch(os.getenv("BENCH_KEYS") or "", "[^,]+") do keys[#keys + 1] = key end
local run = os.getenv("BENCH_RUN") or "run"
local per_second = tonumber(os.getenv("BENCH_PER_SECOND") or "0")
local made, next_at = 0, 0

local LINE = '{"reference":"%d","sku":"BENCH-%05d","name":"Article %05d","quantity":1,' ..
  '"unit_price":{"amount":1290,"currency":"EUR"},"total":{"amount":1290,"currency":"EUR"}}'
local BODY = '{"reference":"%s","service_level":"standard",' ..
  '"customer":{"email":"customer.%d@example.com","phone":"+49151%07d","locale":"en"},' ..
  '"shipping_address":{"name":"Customer %d","line1":"%d Harbour Road","city":"Hamburg",' ..
  '"postal_code":"20457","country_code":"DE"},"lines":[%s,%s,%s],' ..
  '"shipping_price":{"amount":490,"currency":"EUR"},"total":{"amount":4360,"currency":"EUR"},' ..
  '"payment":{"status":"authorized","amount":{"amount":4360,"currency":"EUR"}},"metadata":{"sent_us":"%.0f"}}'

local function now_us()
  ffi.C.gettimeofday(moment, nil)
  return tonumber(moment.seconds) * 1000000 + tonumber(moment.micros)
end

function init()
  math.randomseed(now_us() % 2147483647)
end

local function line(position, sku)
  return string.format(LINE, position, sku, sku)
end

function request()
  made = made + 1
  local reference = run .. "-" .. made
  local one = math.random(2, SKUS)
  local two = one % SKUS + 1
  local three = math.random(2, SKUS)
  while three == one or three == two do three = math.random(2, SKUS) end
  local body = string.format(BODY, reference, made, made % 10000000, made, made % 90 + 1,
    line(1, one), line(2, two), line(3, three), now_us())
  return wrk.format("POST", "/v1/orders", {
    ["Content-Type"] = "application/json",
    ["Authorization"] = "Bearer " .. keys[made % #keys + 1],
    ["Idempotency-Key"] = reference,
    ["Host"] = wrk.headers["Host"],
  }, body)
end

-- Without a wanted rate wrk must not be asked at all: every connection would go through a timer.
if per_second > 0 then
  function delay()
    local now = now_us()
    if next_at == 0 then next_at = now end
    next_at = next_at + 1000000 / per_second
    return math.max(0, math.floor((next_at - now) / 1000 + 0.5))
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'BENCH {"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(99) / 1000))
end
