//go:build json

package spells

import (
	"encoding/json"
	"errors"
	"strings"
)

func init() { transform = seen }

func seen(input []byte) ([]byte, error) {
	var object map[string]any
	if err := json.Unmarshal(input, &object); err != nil || object == nil {
		return nil, errors.New("Input is no JSON object")
	}
	if name, ok := object["name"].(string); ok {
		object["name"] = strings.ToUpper(name)
	}
	object["seen"] = true
	return json.Marshal(object)
}
