// A program with `main`: standard input, standard output, and how it ends.
package main

import (
	"abi/spells"
	"fmt"
	"io"
	"os"
)

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err == nil {
		input, err = spells.Cast(input)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Stdout.Write(input)
}
