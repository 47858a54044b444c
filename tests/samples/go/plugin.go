// The plugin `cron-table`: runs the commands of a cron table once. It plans; it starts, reads and reaches nothing itself.
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"cron-table/taffrail"
)

//go:embed descriptor.json
var descriptor string

func init() {
	taffrail.Register(descriptor, plan)
}

func main() {}

func plan(taskType string, properties string, context taffrail.Context) (*taffrail.Plan, error) {
	if taskType != "org.example.cron_table.Once" {
		return nil, taffrail.UnknownTaskType(taskType)
	}
	var given map[string]any
	if err := json.Unmarshal([]byte(properties), &given); err != nil {
		return nil, err
	}
	table, ok := given["table"].(string)
	if !ok {
		return nil, taffrail.Invalid("cron-table/no-table", "/table", "`table` must be a text")
	}
	shell := "/bin/sh"
	if value, there := given["shell"]; there {
		if shell, ok = value.(string); !ok || !strings.HasPrefix(shell, "/") || strings.ContainsAny(shell, "\n\x00 ") {
			return nil, taffrail.Invalid("cron-table/no-shell", "/shell", "`shell` must be the path of a program")
		}
	}
	result := &taffrail.Plan{Shell: []string{}}
	for index, line := range strings.Split(table, "\n") {
		command, err := commandOf(strings.TrimSpace(line))
		if err != nil {
			message := fmt.Sprintf("line %d: %s", index+1, err)
			return nil, taffrail.Invalid("cron-table/no-line", "/table", message)
		}
		if command == "" {
			continue
		}
		name := fmt.Sprintf("%s.%d.cron", context.TaskID, index+1)
		path := strings.TrimRight(context.WorkingDir, "/") + "/" + name
		result.Files = append(result.Files, taffrail.File{
			Path:       name,
			Contents:   []byte("#!" + shell + "\n" + command + "\n"),
			Executable: true,
		})
		result.Shell = append(result.Shell, taffrail.Quote(path))
	}
	if len(result.Shell) == 0 {
		return nil, taffrail.Invalid("cron-table/empty", "/table", "the table has no command")
	}
	taffrail.Log(taffrail.LevelDebug, fmt.Sprint(len(result.Shell), " commands"))
	return result, nil
}

// commandOf is what a line runs: none for an empty line or a comment.
func commandOf(line string) (string, error) {
	if line == "" || strings.HasPrefix(line, "#") {
		return "", nil
	}
	fields := 5
	if strings.HasPrefix(line, "@") {
		fields = 1
	}
	for range fields {
		space := strings.IndexAny(line, " \t")
		if space < 0 {
			return "", fmt.Errorf("a time of %d fields and a command are wanted", fields)
		}
		line = strings.TrimLeft(line[space:], " \t")
	}
	if strings.Contains(line, "\x00") {
		return "", fmt.Errorf("no command has a NUL character")
	}
	return line, nil
}
