// Package spells has the spells: bytes in, bytes out, or why not.
package spells

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// Name says which spell [Cast] is; the linker sets it.
var Name = "processed"

// What the spell `json` does; without the tag `json`, nothing of it is built.
var transform = fails

// Cast casts the spell that was chosen when this was built.
func Cast(input []byte) ([]byte, error) {
	switch Name {
	case "processed":
		return append([]byte("Processed: "), input...), nil
	case "suffix":
		return append(bytes.Clone(input), "-wasm"...), nil
	case "json":
		return transform(input)
	case "rle":
		return rle(input), nil
	case "churn":
		return churn(input), nil
	default:
		return fails(input)
	}
}

// character takes the first character off: a byte and the continuation bytes behind it.
func character(input []byte) (first, rest []byte) {
	end := 1
	for end < len(input) && input[end]&0xc0 == 0x80 {
		end++
	}
	return input[:end], input[end:]
}

func rle(input []byte) []byte {
	var answer []byte
	for len(input) > 0 {
		first, rest := character(input)
		count := 1
		for len(rest) > 0 {
			next, behind := character(rest)
			if !bytes.Equal(first, next) {
				break
			}
			count, rest = count+1, behind
		}
		answer = append(strconv.AppendInt(answer, int64(count), 10), first...)
		input = rest
	}
	return answer
}

func churn(input []byte) []byte {
	var kept [256]string
	sum := uint32(len(input))
	for number := range 10_000 {
		text := strings.Repeat(strconv.Itoa(number), number%7+1)
		kept[number%256] = text
		for _, char := range []byte(text) {
			sum = sum*31 + uint32(char)
		}
	}
	return strconv.AppendUint(nil, uint64(sum), 10)
}

func fails([]byte) ([]byte, error) {
	return nil, errors.New("Input is required")
}
