package arkor

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// HostError is what the functions of the host return when they refuse.
type HostError struct {
	// Function is the contract's name of what was called: "generate".
	Function string
	// Code is the contract's name of the error: "not-ready", "invalid", "lost", "unavailable".
	Code string
	// Message is for people.
	Message string
}

func (e *HostError) Error() string {
	if e.Message == "" {
		return e.Function + ": " + e.Code
	}
	return e.Function + ": " + e.Message
}

func hostError(function string, err *HostError) error {
	err.Function = function
	return err
}

// A panic as an error: where, what, and the way there.
func panicked(reason any) error {
	place, way := trace()
	return fmt.Errorf("%spanic: %v%s", place, reason, way)
}

// The user's part of the stack below a panic.
func trace() (place, way string) {
	module := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		module = info.Main.Path + "/"
	}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	isBelow := false
	for {
		frame, more := frames.Next()
		name := frame.Function
		switch {
		case name == "runtime.gopanic":
			isBelow = true
		case !isBelow || strings.HasPrefix(name, "runtime."):
		case strings.HasPrefix(name, "arkor."):
			return place, way
		default:
			at := fmt.Sprintf("%s:%d", strings.TrimPrefix(frame.File, module), frame.Line)
			if place == "" {
				place = at + ": "
			}
			way += fmt.Sprintf("\n    in %s at %s", strings.TrimPrefix(name, "main."), at)
		}
		if !more {
			return place, way
		}
	}
}

func init() {
	// The default is more than a trainer has memory for, so that endless recursion would look like something else.
	debug.SetMaxStack(32 << 20)
}
