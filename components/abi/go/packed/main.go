// `process(address, length) -> address << 32 | length`. `alloc` gives memory for the input.
package main

import (
	"abi/spells"
	"unsafe"
)

// What the collector must leave alone.
var kept = map[unsafe.Pointer][]byte{}

//go:wasmexport alloc
func alloc(size uint32) unsafe.Pointer {
	memory := make([]byte, size+1)
	kept[unsafe.Pointer(&memory[0])] = memory
	return unsafe.Pointer(&memory[0])
}

//go:wasmexport dealloc
func dealloc(address unsafe.Pointer, size uint32) {
	delete(kept, address)
}

//go:wasmexport process
func process(input unsafe.Pointer, length uint32) int64 {
	answer, err := spells.Cast(unsafe.Slice((*byte)(input), length))
	if err != nil {
		return -1
	}
	memory := alloc(uint32(len(answer)))
	copy(kept[memory], answer)
	return int64(uintptr(memory))<<32 | int64(len(answer))
}

func main() {}
