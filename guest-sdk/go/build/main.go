// Command build makes a trainer in Go a module that arkor-host runs:
//
//	go run arkor/build [-o target/trainer.wasm] [package]
//
// It runs the Go compiler for wasip1 and adds the custom section that tells the host what the module exports.
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

var (
	//go:embed managed-trainer.section
	managed []byte
	//go:embed loop-trainer.section
	withLoop []byte
)

func main() {
	output := flag.String("o", filepath.Join("target", "trainer.wasm"), "the file to write")
	flag.Parse()
	source := "."
	if flag.NArg() > 0 {
		source = flag.Arg(0)
	}
	if err := build(source, *output); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func build(source, output string) error {
	if err := os.MkdirAll(filepath.Dir(output), 0o777); err != nil {
		return err
	}
	core := output + ".core"
	defer os.Remove(core)
	// The linker is told to let package arkor ask Go's runtime for memory. Paths are left out: the same sources make
	// the same module in any folder.
	compiler := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-checklinkname=0",
		"-buildvcs=false", "-o", core, source)
	compiler.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	compiler.Stdout, compiler.Stderr = os.Stdout, os.Stderr
	if err := compiler.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	module, err := os.ReadFile(core)
	if err != nil {
		return err
	}
	section := managed
	if bytes.Contains(module, []byte("arkor:trainer/training-loop@0.1.0#run")) {
		section = withLoop
	}
	if err := os.WriteFile(core, append(module, section...), 0o666); err != nil {
		return err
	}
	return os.Rename(core, output)
}
