module abi

go 1.27
