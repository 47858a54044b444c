// Package taffrail is the plugin contract, taffrail:plugin@1.0.0, as Go types: a plugin registers its descriptor and its plan function.
package taffrail

import "strings"

// Context is what a plan may depend on besides the properties.
type Context struct {
	// The task's id in its flow.
	TaskID string
	// Absolute path of the working directory, as the program will see it.
	WorkingDir string
	// Absolute path of the output directory, where the task asked for one.
	OutputDir *string
	// "linux", "macos" or "windows".
	TargetOS string
	// "process", "docker", or the name of another runner.
	Runner string
	// The image that the author chose; none where the plugin's default holds.
	ContainerImage *string
	// The variables that the host will set, in the host's order.
	Env []EnvVar
	// A JSON object for what later versions add.
	Extensions *string
}

// EnvVar is a variable of the program's environment.
type EnvVar struct{ Name, Value string }

// File must stand in the working directory before the program starts.
type File struct {
	// Relative to the working directory, with / between its parts and no part "..".
	Path     string
	Contents []byte
	// Whether its owner may run it.
	Executable bool
	Extensions *string
}

// Plan is what the host starts: lines for a shell, or an argument vector where there are none.
type Plan struct {
	Shell          []string
	Argv           []string
	Files          []File
	Env            []EnvVar
	ContainerImage *string
	Remarks        []Diagnostic
	Extensions     *string
}

// Severity says how grave a remark is.
type Severity uint8

// What a remark may be.
const (
	Error Severity = iota
	Warning
	Info
	Hint
)

// Diagnostic is a remark about one place of a task's properties.
type Diagnostic struct {
	Severity Severity
	// Stable, "<plugin>/<rule>".
	Code string
	// One sentence for the flow's author, lower case, no full stop.
	Message string
	// RFC 6901 pointer into the properties.
	Pointer    string
	Extensions *string
}

// Refusal is why there is no plan. One of its fields is set.
type Refusal struct {
	UnknownTaskType string
	Invalid         []Diagnostic
	Unsupported     string
	// The plugin's own fault; also any other error that a plan function returns.
	Internal string
}

func (refusal *Refusal) Error() string {
	switch {
	case refusal.UnknownTaskType != "":
		return "unknown task type " + refusal.UnknownTaskType
	case len(refusal.Invalid) > 0:
		return refusal.Invalid[0].Message
	case refusal.Unsupported != "":
		return refusal.Unsupported
	}
	return refusal.Internal
}

// UnknownTaskType says that the plugin has no task type of this name.
func UnknownTaskType(name string) error { return &Refusal{UnknownTaskType: name} }

// Invalid says which property is at fault, and why.
func Invalid(code, pointer, message string) error {
	return &Refusal{Invalid: []Diagnostic{{Severity: Error, Code: code, Message: message, Pointer: pointer}}}
}

// Unsupported says that the wish is clear, but not possible.
func Unsupported(message string) error { return &Refusal{Unsupported: message} }

// Quote makes one word of a shell line: nothing in it means anything to the shell.
func Quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
