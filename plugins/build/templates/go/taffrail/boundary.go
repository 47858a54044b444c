package taffrail

// The boundary of the component, by hand: how the component model lays records out in memory. Numbers are offsets in bytes.
// Nothing is freed: every call meets a fresh instance.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"
)

// PlanFunc plans one task: properties is the text of a JSON object.
type PlanFunc func(taskType string, properties string, context Context) (*Plan, error)

var (
	descriptor string
	plan       PlanFunc
	// What the host still reads must not be collected.
	kept [][]byte
)

// Register makes the plugin of this component. Call it in an init function.
func Register(text string, function PlanFunc) {
	descriptor, plan = text, function
}

// Level says how loud a log line is.
type Level uint32

// The levels of Log.
const (
	LevelTrace Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
)

//go:wasmimport taffrail:plugin/logging@1.0.0 log
func hostLog(level uint32, text unsafe.Pointer, length uint32)

// Log says something to whoever runs the host with its diagnostics on.
func Log(level Level, message string) {
	bytes := keep([]byte(message))
	hostLog(uint32(level), unsafe.Pointer(unsafe.SliceData(bytes)), uint32(len(bytes)))
}

//go:wasmexport cabi_realloc
func cabiRealloc(old, oldSize, align, size uint32) uint32 {
	// Room for the alignment, which is 8 at most.
	bytes := keep(make([]byte, size+align))
	start := address(bytes)
	aligned := (start + align - 1) &^ (align - 1)
	copy(bytes[aligned-start:], at(old, oldSize))
	return aligned
}

//go:wasmexport taffrail:plugin/language@1.0.0#describe
func describe() uint32 {
	answer := record(8)
	answer.text(0, descriptor)
	return answer.address()
}

//go:wasmexport taffrail:plugin/language@1.0.0#plan
func planTask(arguments uint32) uint32 {
	// A panic says nothing to the host by itself.
	defer func() {
		if fault := recover(); fault != nil {
			Log(LevelError, fmt.Sprint("panicked: ", fault))
			panic(fault)
		}
	}()
	given := view(at(arguments, 88))
	context := given[16:]
	planned, err := plan(given.readText(0), given.readText(8), Context{
		TaskID:         context.readText(0),
		WorkingDir:     context.readText(8),
		OutputDir:      context.readOption(16),
		TargetOS:       []string{"linux", "macos", "windows"}[context[28]],
		Runner:         context.readText(32),
		ContainerImage: context.readOption(40),
		Env:            context.readEnv(52),
		Extensions:     context.readOption(60),
	})
	answer := record(64)
	if err != nil {
		answer[0] = 1
		answer[4:].refusal(err)
	} else {
		answer[4:].plan(planned)
	}
	return answer.address()
}

// A record in memory that the host reads or has written.
type view []byte

func record(size int) view { return keep(make([]byte, size)) }

func keep(bytes []byte) []byte {
	kept = append(kept, bytes)
	return bytes
}

func at(address, length uint32) []byte {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(uintptr(address))), length)
}

func address(bytes []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(bytes))))
}

func (record view) address() uint32 { return address(record) }

func (record view) word(offset int) uint32 { return binary.LittleEndian.Uint32(record[offset:]) }

func (record view) setWord(offset int, value uint32) {
	binary.LittleEndian.PutUint32(record[offset:], value)
}

func (record view) readText(offset int) string {
	return string(at(record.word(offset), record.word(offset+4)))
}

func (record view) readOption(offset int) *string {
	if record[offset] == 0 {
		return nil
	}
	text := record.readText(offset + 4)
	return &text
}

func (record view) readEnv(offset int) []EnvVar {
	variables := make([]EnvVar, record.word(offset+4))
	all := view(at(record.word(offset), uint32(len(variables))*16))
	for index := range variables {
		one := all[index*16:]
		variables[index] = EnvVar{Name: one.readText(0), Value: one.readText(8)}
	}
	return variables
}

func (record view) bytes(offset int, bytes []byte) {
	bytes = keep(bytes)
	record.setWord(offset, address(bytes))
	record.setWord(offset+4, uint32(len(bytes)))
}

func (record view) text(offset int, text string) { record.bytes(offset, []byte(text)) }

func (record view) option(offset int, text *string) {
	if text != nil {
		record[offset] = 1
		record.text(offset+4, *text)
	}
}

// list lays a list of records of one size out, and says how each is filled.
func (record view) list(offset, count, size int, fill func(view, int)) {
	items := view(keep(make([]byte, count*size)))
	for index := range count {
		fill(items[index*size:], index)
	}
	record.setWord(offset, address(items))
	record.setWord(offset+4, uint32(count))
}

func (record view) texts(offset int, texts []string) {
	record.list(offset, len(texts), 8, func(item view, index int) { item.text(0, texts[index]) })
}

func (record view) plan(plan *Plan) {
	if plan.Shell == nil {
		record[0] = 1
		record.texts(4, plan.Argv)
	} else {
		record.texts(4, plan.Shell)
	}
	record.list(12, len(plan.Files), 32, func(item view, index int) {
		file := plan.Files[index]
		item.text(0, file.Path)
		item.bytes(8, file.Contents)
		if file.Executable {
			item[16] = 1
		}
		item.option(20, file.Extensions)
	})
	record.list(20, len(plan.Env), 16, func(item view, index int) {
		item.text(0, plan.Env[index].Name)
		item.text(8, plan.Env[index].Value)
	})
	record.option(28, plan.ContainerImage)
	record.diagnostics(40, plan.Remarks)
	record.option(48, plan.Extensions)
}

func (record view) diagnostics(offset int, remarks []Diagnostic) {
	record.list(offset, len(remarks), 40, func(item view, index int) {
		remark := remarks[index]
		item[0] = byte(remark.Severity)
		item.text(4, remark.Code)
		item.text(12, remark.Message)
		item.text(20, remark.Pointer)
		item.option(28, remark.Extensions)
	})
}

func (record view) refusal(err error) {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		refusal = &Refusal{Internal: err.Error()}
	}
	switch {
	case refusal.UnknownTaskType != "":
		record.text(4, refusal.UnknownTaskType)
	case len(refusal.Invalid) > 0:
		record[0] = 1
		record.diagnostics(4, refusal.Invalid)
	case refusal.Unsupported != "":
		record[0] = 2
		record.text(4, refusal.Unsupported)
	default:
		record[0] = 3
		record.text(4, refusal.Internal)
	}
}
