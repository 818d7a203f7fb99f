//go:build !wasip1

package arkor

func resetArena() {}

func noHost() { panic("only a trainer that arkor-host runs may call this") }
