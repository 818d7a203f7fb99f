package arkor

import "fmt"

// What the host calls: each takes the address of its arguments and returns that of its answer.

func enterDescribe() uint32 {
	begin()
	return enter(describe, answerDescribe)
}

func enterOnStarted(at ptr) uint32 {
	return callback(loadStarted(at), onStarted.OnStarted, answerOnStarted)
}

func enterOnLog(at ptr) uint32 {
	return callback(loadLogRecord(at), onLog.OnLog, answerOnLog)
}

func enterOnEvaluate(at ptr) uint32 {
	return callback(loadEvaluation(at), onEvaluate.OnEvaluate, answerOnEvaluate)
}

func enterOnCheckpoint(at ptr) uint32 {
	return callback(loadCheckpoint(at), onCheckpoint.OnCheckpoint, answerOnCheckpoint)
}

func enterOnCompleted(at ptr) uint32 {
	return callback(loadCompleted(at), onCompleted.OnCompleted, answerOnCompleted)
}

func enterOnFailed(at ptr) uint32 {
	return callback(loadFailed(at), onFailed.OnFailed, answerOnFailed)
}

func enterSaveState() uint32 {
	begin()
	return enter(saved, answerSaveState)
}

func enterLoadState(at ptr) uint32 {
	state := getNumbers[byte](at)
	resetArena()
	return enter(func() (struct{}, error) { return struct{}{}, loaded(state) }, answerLoadState)
}

func enterRun(at uint32) uint32 {
	begin()
	spec := loadSpec(ptr(at))
	resetArena()
	return enter(func() (struct{}, error) {
		if own, ok := exported.(runner); ok {
			return struct{}{}, own.Run(spec)
		}
		return struct{}{}, fmt.Errorf("%T has no method Run", exported)
	}, answerRun)
}

// Hands an event, of which nothing is in the host's memory any more, to the trainer's method for it, if it has one.
func callback[E, I any](event E, method func(I, E) (Actions, error), answer func(Actions, error) uint32) uint32 {
	resetArena()
	return enter(func() (Actions, error) {
		if own, ok := any(exported).(I); ok {
			return method(own, event)
		}
		return nil, nil
	}, answer)
}

// Calls the trainer; a panic becomes an error, for in Go it leaves everything in order.
func enter[T any](call func() (T, error), answer func(T, error) uint32) (result uint32) {
	defer func() {
		if reason := recover(); reason != nil {
			var none T
			result = answer(none, panicked(reason))
		}
	}()
	v, err := call()
	return answer(v, err)
}
