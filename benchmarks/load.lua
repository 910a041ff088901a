-- For wrk: pixels of many deliveries, asked for by people at many addresses (wrk -s load.lua URL -- TOKENS PREFIX).
local paths = {}
local number = 0

function init(args)
  for token in io.lines(args[1]) do
    paths[#paths + 1] = args[2] .. token .. ".gif"
  end
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
end

function request()
  number = number + 1
  wrk.headers["X-Forwarded-For"] = string.format("198.18.%d.%d", math.floor(number / 250) % 250, number % 250 + 1)
  return wrk.format("GET", paths[number % #paths + 1])
end
