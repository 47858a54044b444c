// The plugin `__ID__`: turns a task's properties into what the host starts. It starts, reads and reaches nothing itself.
package main

import (
	_ "embed"
	"encoding/json"
	"strings"

	"__ID__/taffrail"
)

//go:embed descriptor.json
var descriptor string

func init() {
	taffrail.Register(descriptor, plan)
}

// A component has no main program; the Go linker wants one.
func main() {}

func plan(taskType string, properties string, context taffrail.Context) (*taffrail.Plan, error) {
	if taskType != "__TYPE__.Script" {
		return nil, taffrail.UnknownTaskType(taskType)
	}
	var settings struct {
		Script *string `json:"script"`
	}
	if err := json.Unmarshal([]byte(properties), &settings); err != nil || settings.Script == nil {
		return nil, taffrail.Invalid("__ID__/no-script", "/script", "`script` must be a text")
	}
	script := *settings.Script
	if strings.TrimSpace(script) == "" {
		return nil, taffrail.Invalid("__ID__/empty-script", "/script", "the script is empty")
	}
	name := context.TaskID + ".script.sh"
	path := strings.TrimRight(context.WorkingDir, "/") + "/" + name
	return &taffrail.Plan{
		// The command that runs the script's file.
		Shell: []string{"sh " + taffrail.Quote(path)},
		Files: []taffrail.File{{Path: name, Contents: []byte(script)}},
	}, nil
}
