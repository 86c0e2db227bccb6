// `execute(text) -> text`: addresses of bytes that end with a zero. `malloc` gives memory for the input.
package main

import (
	"abi/spells"
	"unsafe"
)

// What the collector must leave alone.
var kept = map[unsafe.Pointer][]byte{}

//go:wasmexport malloc
func malloc(size uint32) unsafe.Pointer {
	memory := make([]byte, size+1)
	kept[unsafe.Pointer(&memory[0])] = memory
	return unsafe.Pointer(&memory[0])
}

//go:wasmexport free
func free(address unsafe.Pointer) {
	delete(kept, address)
}

//go:wasmexport execute
func execute(input unsafe.Pointer) unsafe.Pointer {
	length := 0
	for *(*byte)(unsafe.Add(input, length)) != 0 {
		length++
	}
	answer, err := spells.Cast(unsafe.Slice((*byte)(input), length))
	if err != nil {
		return nil
	}
	text := malloc(uint32(len(answer)))
	copy(kept[text], answer)
	return text
}

func main() {}
