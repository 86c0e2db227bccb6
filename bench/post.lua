-- Sends the input that `cast.lua` casts with; what a round gave is printed as ever.
dofile(debug.getinfo(1, "S").source:match("^@(.*)post%.lua$") .. "wrk.lua")

wrk.method = "POST"
wrk.body = "Hello WASM!"
