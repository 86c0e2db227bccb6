-- Asks for one component after the other, by chance; what a round gave is printed as ever. Its argument says how many there are.
dofile(debug.getinfo(1, "S").source:match("^@(.*)churn%.lua$") .. "wrk.lua")

local components

function init(arguments)
    components = tonumber(arguments[1])
    math.randomseed(1)
end

function request()
    return wrk.format("GET", "/" .. math.random(0, components - 1) .. "/")
end
