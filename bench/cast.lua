-- Casts a spell over and over, each time under a key of its own; what a round gave is printed as ever. Its arguments are the platform's
-- key, the spell, and a word that no other round has.
dofile(debug.getinfo(1, "S").source:match("^@(.*)cast%.lua$") .. "wrk.lua")

local threads = 0

function setup(thread)
    thread:set("number_of_thread", threads)
    threads = threads + 1
end

local headers, body, word
local casts = 0

function init(arguments)
    headers = {["Authorization"] = "Bearer " .. arguments[1], ["Content-Type"] = "application/json"}
    body = '{"spell_key": "' .. arguments[2] .. '", "input": "Hello WASM!"}'
    word = arguments[3] .. "-" .. number_of_thread .. "-"
end

function request()
    casts = casts + 1
    headers["Idempotency-Key"] = word .. casts
    return wrk.format("POST", "/api/v1/cast", headers, body)
end
