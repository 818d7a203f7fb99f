// Code generated from wit/ by `cargo run --package generate` in guest-sdk/rust. DO NOT EDIT.

package arkor

import "fmt"

func loadMetric(at ptr) (v Metric) {
	v.Name = getText(at.to(0))
	v.Value = getFloat64(at.to(8))
	return v
}

func storeMetric(at ptr, v Metric) {
	putText(at.to(0), v.Name)
	putFloat64(at.to(8), v.Value)
}

func loadSetting(at ptr) (v Setting) {
	v.Name = getText(at.to(0))
	v.Value = getText(at.to(8))
	return v
}

func storeSetting(at ptr, v Setting) {
	putText(at.to(0), v.Name)
	putText(at.to(8), v.Value)
}

func loadMeasurement(at ptr) (v Measurement) {
	v.Loss = getOption(at.to(0), 8, getFloat64)
	v.Metrics = getList(at.to(16), 16, loadMetric)
	return v
}

func storeMeasurement(at ptr, v Measurement) {
	putOption(at.to(0), 8, v.Loss, putFloat64)
	putList(at.to(16), v.Metrics, 16, storeMetric)
}

func loadSampling(at ptr) (v Sampling) {
	v.MaxTokens = getOption(at.to(0), 4, getUint32)
	v.Temperature = getOption(at.to(8), 8, getFloat64)
	v.TopK = getOption(at.to(24), 4, getUint32)
	v.TopP = getOption(at.to(32), 8, getFloat64)
	v.Stop = getList(at.to(48), 8, getText)
	v.KeepStop = getOption(at.to(56), 1, getBool)
	v.StopTokenIDs = getNumbers[uint32](at.to(60))
	v.Seed = getOption(at.to(68), 4, getUint32)
	v.Additional = getList(at.to(76), 16, loadSetting)
	return v
}

func storeSampling(at ptr, v Sampling) {
	putOption(at.to(0), 4, v.MaxTokens, putUint32)
	putOption(at.to(8), 8, v.Temperature, putFloat64)
	putOption(at.to(24), 4, v.TopK, putUint32)
	putOption(at.to(32), 8, v.TopP, putFloat64)
	putList(at.to(48), v.Stop, 8, putText)
	putOption(at.to(56), 1, v.KeepStop, putBool)
	putNumbers(at.to(60), v.StopTokenIDs)
	putOption(at.to(68), 4, v.Seed, putUint32)
	putList(at.to(76), v.Additional, 16, storeSetting)
}

func loadStopReason(at ptr) StopReason { return StopReason(getByte(at)) }

func storeStopReason(at ptr, v StopReason) { putByte(at, byte(v)) }

func loadLevel(at ptr) Level { return Level(getByte(at)) }

func storeLevel(at ptr, v Level) { putByte(at, byte(v)) }

func loadSplit(at ptr) Split { return Split(getByte(at)) }

func storeSplit(at ptr, v Split) { putByte(at, byte(v)) }

func loadDatasetInfo(at ptr) (v DatasetInfo) {
	v.TrainExamples = getUint32(at.to(0))
	v.EvalExamples = getUint32(at.to(4))
	v.TrainTokens = getFloat64(at.to(8))
	v.UnigramEntropy = getOption(at.to(16), 8, getFloat64)
	v.Additional = getList(at.to(32), 16, loadSetting)
	return v
}

func storeDatasetInfo(at ptr, v DatasetInfo) {
	putUint32(at.to(0), v.TrainExamples)
	putUint32(at.to(4), v.EvalExamples)
	putFloat64(at.to(8), v.TrainTokens)
	putOption(at.to(16), 8, v.UnigramEntropy, putFloat64)
	putList(at.to(32), v.Additional, 16, storeSetting)
}

func loadColumn(at ptr) (v Column) {
	v.Name = getText(at.to(0))
	v.Shape = getNumbers[uint32](at.to(8))
	v.Values = getNumbers[float32](at.to(16))
	return v
}

func storeColumn(at ptr, v Column) {
	putText(at.to(0), v.Name)
	putNumbers(at.to(8), v.Shape)
	putNumbers(at.to(16), v.Values)
}

func loadExample(at ptr) (v Example) {
	v.Tokens = getNumbers[uint32](at.to(0))
	v.Targets = getNumbers[uint32](at.to(8))
	v.Weights = getNumbers[float32](at.to(16))
	v.Additional = getList(at.to(24), 24, loadColumn)
	return v
}

func storeExample(at ptr, v Example) {
	putNumbers(at.to(0), v.Tokens)
	putNumbers(at.to(8), v.Targets)
	putNumbers(at.to(16), v.Weights)
	putList(at.to(24), v.Additional, 24, storeColumn)
}

func loadDatasetError(at ptr) *HostError {
	switch getByte(at) {
	case 0:
		return &HostError{Code: "not-ready", Message: "before the run's data is prepared, in describe and load-state"}
	case 1:
		return &HostError{Code: "out-of-range", Message: getText(at.to(4))}
	case 2:
		return &HostError{Code: "invalid", Message: getText(at.to(4))}
	case 3:
		return &HostError{Code: "unsupported", Message: getText(at.to(4))}
	case 4:
		return &HostError{Code: "unavailable", Message: getText(at.to(4))}
	case 5:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadDatum(at ptr) (v Datum) {
	v.Tokens = getNumbers[uint32](at.to(0))
	v.Targets = getNumbers[uint32](at.to(8))
	v.Weights = getNumbers[float32](at.to(16))
	v.Advantages = getNumbers[float32](at.to(24))
	v.OldLogProbs = getNumbers[float32](at.to(32))
	v.Additional = getList(at.to(40), 24, loadColumn)
	return v
}

func storeDatum(at ptr, v Datum) {
	putNumbers(at.to(0), v.Tokens)
	putNumbers(at.to(8), v.Targets)
	putNumbers(at.to(16), v.Weights)
	putNumbers(at.to(24), v.Advantages)
	putNumbers(at.to(32), v.OldLogProbs)
	putList(at.to(40), v.Additional, 24, storeColumn)
}

func loadPpoClip(at ptr) (v PpoClip) {
	v.Low = getFloat32(at.to(0))
	v.High = getFloat32(at.to(4))
	return v
}

func storePpoClip(at ptr, v PpoClip) {
	putFloat32(at.to(0), v.Low)
	putFloat32(at.to(4), v.High)
}

func loadNamedLoss(at ptr) (v NamedLoss) {
	v.Name = getText(at.to(0))
	v.Parameters = getList(at.to(8), 16, loadSetting)
	return v
}

func storeNamedLoss(at ptr, v NamedLoss) {
	putText(at.to(0), v.Name)
	putList(at.to(8), v.Parameters, 16, storeSetting)
}

func loadLoss(at ptr) Loss {
	switch getByte(at) {
	case 0:
		return LossCrossEntropy{}
	case 1:
		return LossImportanceSampling{}
	case 2:
		return LossPpo{loadPpoClip(at.to(4))}
	case 3:
		return LossOther{loadNamedLoss(at.to(4))}
	}
	return nil
}

func storeLoss(at ptr, v Loss) {
	switch v := v.(type) {
	case LossCrossEntropy:
		putByte(at, 0)
	case LossImportanceSampling:
		putByte(at, 1)
	case LossPpo:
		putByte(at, 2)
		storePpoClip(at.to(4), v.Value)
	case LossOther:
		putByte(at, 3)
		storeNamedLoss(at.to(4), v.Value)
	default:
		panic(fmt.Sprintf("there is no Loss: it is %T", v))
	}
}

func loadLogProbs(at ptr) LogProbs { return LogProbs(getByte(at)) }

func storeLogProbs(at ptr, v LogProbs) { putByte(at, byte(v)) }

func loadForwardOutput(at ptr) (v ForwardOutput) {
	v.LossSum = getFloat64(at.to(0))
	v.WeightSum = getFloat64(at.to(8))
	v.LogProbs = getList(at.to(16), 8, func(at ptr) []float32 { return getNumbers[float32](at) })
	v.Metrics = getList(at.to(24), 16, loadMetric)
	v.Additional = getList(at.to(32), 16, loadSetting)
	return v
}

func storeForwardOutput(at ptr, v ForwardOutput) {
	putFloat64(at.to(0), v.LossSum)
	putFloat64(at.to(8), v.WeightSum)
	putList(at.to(16), v.LogProbs, 8, func(at ptr, v []float32) { putNumbers(at, v) })
	putList(at.to(24), v.Metrics, 16, storeMetric)
	putList(at.to(32), v.Additional, 16, storeSetting)
}

func loadAdam(at ptr) (v Adam) {
	v.LearningRate = getFloat64(at.to(0))
	v.Beta1 = getOption(at.to(8), 8, getFloat64)
	v.Beta2 = getOption(at.to(24), 8, getFloat64)
	v.Eps = getOption(at.to(40), 8, getFloat64)
	v.WeightDecay = getOption(at.to(56), 8, getFloat64)
	v.MaxGradNorm = getOption(at.to(72), 8, getFloat64)
	v.Additional = getList(at.to(88), 16, loadSetting)
	return v
}

func storeAdam(at ptr, v Adam) {
	putFloat64(at.to(0), v.LearningRate)
	putOption(at.to(8), 8, v.Beta1, putFloat64)
	putOption(at.to(24), 8, v.Beta2, putFloat64)
	putOption(at.to(40), 8, v.Eps, putFloat64)
	putOption(at.to(56), 8, v.WeightDecay, putFloat64)
	putOption(at.to(72), 8, v.MaxGradNorm, putFloat64)
	putList(at.to(88), v.Additional, 16, storeSetting)
}

func loadOptimOutput(at ptr) (v OptimOutput) {
	v.Step = getUint32(at.to(0))
	v.GradNorm = getOption(at.to(8), 8, getFloat64)
	v.Metrics = getList(at.to(24), 16, loadMetric)
	v.Additional = getList(at.to(32), 16, loadSetting)
	return v
}

func storeOptimOutput(at ptr, v OptimOutput) {
	putUint32(at.to(0), v.Step)
	putOption(at.to(8), 8, v.GradNorm, putFloat64)
	putList(at.to(24), v.Metrics, 16, storeMetric)
	putList(at.to(32), v.Additional, 16, storeSetting)
}

func loadSessionEvaluation(at ptr) (v SessionEvaluation) {
	v.Measured = loadMeasurement(at.to(0))
	v.Tokens = getOption(at.to(24), 8, getFloat64)
	v.Additional = getList(at.to(40), 16, loadSetting)
	return v
}

func storeSessionEvaluation(at ptr, v SessionEvaluation) {
	storeMeasurement(at.to(0), v.Measured)
	putOption(at.to(24), 8, v.Tokens, putFloat64)
	putList(at.to(40), v.Additional, 16, storeSetting)
}

func loadSequence(at ptr) (v Sequence) {
	v.Tokens = getNumbers[uint32](at.to(0))
	v.LogProbs = getNumbers[float32](at.to(8))
	v.SamplingLogProbs = getNumbers[float32](at.to(16))
	v.StopReason = loadStopReason(at.to(24))
	v.Additional = getList(at.to(28), 16, loadSetting)
	return v
}

func storeSequence(at ptr, v Sequence) {
	putNumbers(at.to(0), v.Tokens)
	putNumbers(at.to(8), v.LogProbs)
	putNumbers(at.to(16), v.SamplingLogProbs)
	storeStopReason(at.to(24), v.StopReason)
	putList(at.to(28), v.Additional, 16, storeSetting)
}

func loadRenderedChat(at ptr) (v RenderedChat) {
	v.Tokens = getNumbers[uint32](at.to(0))
	v.AssistantMask = getNumbers[float32](at.to(8))
	v.Additional = getList(at.to(16), 16, loadSetting)
	return v
}

func storeRenderedChat(at ptr, v RenderedChat) {
	putNumbers(at.to(0), v.Tokens)
	putNumbers(at.to(8), v.AssistantMask)
	putList(at.to(16), v.Additional, 16, storeSetting)
}

func loadModelInfo(at ptr) (v ModelInfo) {
	v.Name = getOption(at.to(0), 4, getText)
	v.Architecture = getOption(at.to(12), 4, getText)
	v.Parameters = getOption(at.to(24), 8, getFloat64)
	v.TrainableParameters = getOption(at.to(40), 8, getFloat64)
	v.VocabSize = getOption(at.to(56), 4, getUint32)
	v.ContextLength = getOption(at.to(64), 4, getUint32)
	v.BosTokenID = getOption(at.to(72), 4, getUint32)
	v.EosTokenIDs = getNumbers[uint32](at.to(80))
	v.PadTokenID = getOption(at.to(88), 4, getUint32)
	v.HasChatTemplate = getBool(at.to(96))
	v.Features = getList(at.to(100), 8, getText)
	v.Additional = getList(at.to(108), 16, loadSetting)
	return v
}

func storeModelInfo(at ptr, v ModelInfo) {
	putOption(at.to(0), 4, v.Name, putText)
	putOption(at.to(12), 4, v.Architecture, putText)
	putOption(at.to(24), 8, v.Parameters, putFloat64)
	putOption(at.to(40), 8, v.TrainableParameters, putFloat64)
	putOption(at.to(56), 4, v.VocabSize, putUint32)
	putOption(at.to(64), 4, v.ContextLength, putUint32)
	putOption(at.to(72), 4, v.BosTokenID, putUint32)
	putNumbers(at.to(80), v.EosTokenIDs)
	putOption(at.to(88), 4, v.PadTokenID, putUint32)
	putBool(at.to(96), v.HasChatTemplate)
	putList(at.to(100), v.Features, 8, putText)
	putList(at.to(108), v.Additional, 16, storeSetting)
}

func loadSessionError(at ptr) *HostError {
	switch getByte(at) {
	case 0:
		return &HostError{Code: "outside-loop", Message: "not called from within training-loop.run"}
	case 1:
		return &HostError{Code: "ended", Message: "hooks.checkpoint already answered stop or hand-over"}
	case 2:
		return &HostError{Code: "invalid", Message: getText(at.to(4))}
	case 3:
		return &HostError{Code: "diverged", Message: getText(at.to(4))}
	case 4:
		return &HostError{Code: "unsupported", Message: getText(at.to(4))}
	case 5:
		return &HostError{Code: "no-such-state", Message: getText(at.to(4))}
	case 6:
		return &HostError{Code: "lost", Message: getText(at.to(4))}
	case 7:
		return &HostError{Code: "rejected", Message: getText(at.to(4))}
	case 8:
		return &HostError{Code: "out-of-memory", Message: getText(at.to(4))}
	case 9:
		return &HostError{Code: "unavailable", Message: getText(at.to(4))}
	case 10:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadDirective(at ptr) Directive { return Directive(getByte(at)) }

func storeDirective(at ptr, v Directive) { putByte(at, byte(v)) }

func loadWishes(at ptr) (v Wishes) {
	v.Checkpoint = getBool(at.to(0))
	v.Evaluate = getBool(at.to(1))
	v.LearningRate = getOption(at.to(8), 8, getFloat64)
	v.Additional = getList(at.to(24), 16, loadSetting)
	return v
}

func storeWishes(at ptr, v Wishes) {
	putBool(at.to(0), v.Checkpoint)
	putBool(at.to(1), v.Evaluate)
	putOption(at.to(8), 8, v.LearningRate, putFloat64)
	putList(at.to(24), v.Additional, 16, storeSetting)
}

func loadProgress(at ptr) (v Progress) {
	v.Loss = getOption(at.to(0), 8, getFloat64)
	v.LearningRate = getOption(at.to(16), 8, getFloat64)
	v.GradNorm = getOption(at.to(32), 8, getFloat64)
	v.Epoch = getOption(at.to(48), 8, getFloat64)
	return v
}

func storeProgress(at ptr, v Progress) {
	putOption(at.to(0), 8, v.Loss, putFloat64)
	putOption(at.to(16), 8, v.LearningRate, putFloat64)
	putOption(at.to(32), 8, v.GradNorm, putFloat64)
	putOption(at.to(48), 8, v.Epoch, putFloat64)
}

func loadResumeInfo(at ptr) (v ResumeInfo) {
	v.Step = getUint32(at.to(0))
	v.State = getNumbers[byte](at.to(4))
	v.LearningRate = getOption(at.to(16), 8, getFloat64)
	v.Additional = getList(at.to(32), 16, loadSetting)
	return v
}

func storeResumeInfo(at ptr, v ResumeInfo) {
	putUint32(at.to(0), v.Step)
	putNumbers(at.to(4), v.State)
	putOption(at.to(16), 8, v.LearningRate, putFloat64)
	putList(at.to(32), v.Additional, 16, storeSetting)
}

func loadHookError(at ptr) *HostError {
	switch getByte(at) {
	case 0:
		return &HostError{Code: "outside-loop", Message: "not called from within training-loop.run"}
	case 1:
		return &HostError{Code: "ended", Message: "checkpoint already answered stop or hand-over"}
	case 2:
		return &HostError{Code: "invalid", Message: getText(at.to(4))}
	case 3:
		return &HostError{Code: "lost", Message: getText(at.to(4))}
	case 4:
		return &HostError{Code: "unavailable", Message: getText(at.to(4))}
	case 5:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadGeneration(at ptr) (v Generation) {
	v.Text = getText(at.to(0))
	v.Tokens = getUint32(at.to(8))
	v.StopReason = loadStopReason(at.to(12))
	v.Additional = getList(at.to(16), 16, loadSetting)
	return v
}

func storeGeneration(at ptr, v Generation) {
	putText(at.to(0), v.Text)
	putUint32(at.to(8), v.Tokens)
	storeStopReason(at.to(12), v.StopReason)
	putList(at.to(16), v.Additional, 16, storeSetting)
}

func loadInferenceError(at ptr) *HostError {
	switch getByte(at) {
	case 0:
		return &HostError{Code: "not-ready", Message: "before the model exists"}
	case 1:
		return &HostError{Code: "invalid", Message: getText(at.to(4))}
	case 2:
		return &HostError{Code: "unsupported", Message: getText(at.to(4))}
	case 3:
		return &HostError{Code: "unavailable", Message: getText(at.to(4))}
	case 4:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadArtifact(at ptr) (v Artifact) {
	v.Name = getText(at.to(0))
	v.Size = getUint32(at.to(8))
	v.Digest = getText(at.to(12))
	v.Additional = getList(at.to(20), 16, loadSetting)
	return v
}

func storeArtifact(at ptr, v Artifact) {
	putText(at.to(0), v.Name)
	putUint32(at.to(8), v.Size)
	putText(at.to(12), v.Digest)
	putList(at.to(20), v.Additional, 16, storeSetting)
}

func loadArtifactError(at ptr) *HostError {
	switch getByte(at) {
	case 0:
		return &HostError{Code: "not-ready", Message: "outside of a run"}
	case 1:
		return &HostError{Code: "invalid-name", Message: getText(at.to(4))}
	case 2:
		return &HostError{Code: "too-large", Message: getText(at.to(4))}
	case 3:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadRunInfo(at ptr) (v RunInfo) {
	v.ID = getText(at.to(0))
	v.Name = getText(at.to(8))
	v.Parent = getOption(at.to(16), 4, getText)
	v.Generation = getUint32(at.to(28))
	v.Attempt = getUint32(at.to(32))
	v.Step = getUint32(at.to(36))
	v.TotalSteps = getOption(at.to(40), 4, getUint32)
	v.Additional = getList(at.to(48), 16, loadSetting)
	return v
}

func storeRunInfo(at ptr, v RunInfo) {
	putText(at.to(0), v.ID)
	putText(at.to(8), v.Name)
	putOption(at.to(16), 4, v.Parent, putText)
	putUint32(at.to(28), v.Generation)
	putUint32(at.to(32), v.Attempt)
	putUint32(at.to(36), v.Step)
	putOption(at.to(40), 4, v.TotalSteps, putUint32)
	putList(at.to(48), v.Additional, 16, storeSetting)
}

func loadRunError(at ptr) *HostError {
	switch getByte(at) {
	case 0:
		return &HostError{Code: "not-ready", Message: "there is no run yet"}
	case 1:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadNamedSource(at ptr) (v NamedSource) {
	v.Name = getText(at.to(0))
	v.Parameters = getList(at.to(8), 16, loadSetting)
	return v
}

func storeNamedSource(at ptr, v NamedSource) {
	putText(at.to(0), v.Name)
	putList(at.to(8), v.Parameters, 16, storeSetting)
}

func loadHubRepository(at ptr) (v HubRepository) {
	v.Name = getText(at.to(0))
	v.Revision = getOption(at.to(8), 4, getText)
	return v
}

func storeHubRepository(at ptr, v HubRepository) {
	putText(at.to(0), v.Name)
	putOption(at.to(8), 4, v.Revision, putText)
}

func loadModelShape(at ptr) (v ModelShape) {
	v.HiddenSize = getUint32(at.to(0))
	v.NumHiddenLayers = getUint32(at.to(4))
	v.NumAttentionHeads = getUint32(at.to(8))
	v.NumKeyValueHeads = getOption(at.to(12), 4, getUint32)
	v.IntermediateSize = getOption(at.to(20), 4, getUint32)
	v.RopeTheta = getOption(at.to(32), 8, getFloat64)
	v.RmsNormEps = getOption(at.to(48), 8, getFloat64)
	v.TieWordEmbeddings = getOption(at.to(64), 1, getBool)
	return v
}

func storeModelShape(at ptr, v ModelShape) {
	putUint32(at.to(0), v.HiddenSize)
	putUint32(at.to(4), v.NumHiddenLayers)
	putUint32(at.to(8), v.NumAttentionHeads)
	putOption(at.to(12), 4, v.NumKeyValueHeads, putUint32)
	putOption(at.to(20), 4, v.IntermediateSize, putUint32)
	putOption(at.to(32), 8, v.RopeTheta, putFloat64)
	putOption(at.to(48), 8, v.RmsNormEps, putFloat64)
	putOption(at.to(64), 1, v.TieWordEmbeddings, putBool)
}

func loadModelSource(at ptr) ModelSource {
	switch getByte(at) {
	case 0:
		return ModelSourceScratch{loadModelShape(at.to(8))}
	case 1:
		return ModelSourceFile{getText(at.to(8))}
	case 2:
		return ModelSourceHub{loadHubRepository(at.to(8))}
	case 3:
		return ModelSourceOther{loadNamedSource(at.to(8))}
	}
	return nil
}

func storeModelSource(at ptr, v ModelSource) {
	switch v := v.(type) {
	case ModelSourceScratch:
		putByte(at, 0)
		storeModelShape(at.to(8), v.Value)
	case ModelSourceFile:
		putByte(at, 1)
		putText(at.to(8), v.Value)
	case ModelSourceHub:
		putByte(at, 2)
		storeHubRepository(at.to(8), v.Value)
	case ModelSourceOther:
		putByte(at, 3)
		storeNamedSource(at.to(8), v.Value)
	default:
		panic(fmt.Sprintf("there is no ModelSource: it is %T", v))
	}
}

func loadNamedModel(at ptr) (v NamedModel) {
	v.Name = getText(at.to(0))
	v.Source = loadModelSource(at.to(8))
	return v
}

func storeNamedModel(at ptr, v NamedModel) {
	putText(at.to(0), v.Name)
	storeModelSource(at.to(8), v.Source)
}

func loadTokenizerSource(at ptr) TokenizerSource {
	switch getByte(at) {
	case 0:
		return TokenizerSourceBytes{}
	case 1:
		return TokenizerSourceBpe{getUint32(at.to(4))}
	case 2:
		return TokenizerSourceFile{getText(at.to(4))}
	case 3:
		return TokenizerSourceModel{}
	case 4:
		return TokenizerSourceHub{loadHubRepository(at.to(4))}
	case 5:
		return TokenizerSourceOther{loadNamedSource(at.to(4))}
	}
	return nil
}

func storeTokenizerSource(at ptr, v TokenizerSource) {
	switch v := v.(type) {
	case TokenizerSourceBytes:
		putByte(at, 0)
	case TokenizerSourceBpe:
		putByte(at, 1)
		putUint32(at.to(4), v.Value)
	case TokenizerSourceFile:
		putByte(at, 2)
		putText(at.to(4), v.Value)
	case TokenizerSourceModel:
		putByte(at, 3)
	case TokenizerSourceHub:
		putByte(at, 4)
		storeHubRepository(at.to(4), v.Value)
	case TokenizerSourceOther:
		putByte(at, 5)
		storeNamedSource(at.to(4), v.Value)
	default:
		panic(fmt.Sprintf("there is no TokenizerSource: it is %T", v))
	}
}

func loadCompletionFields(at ptr) (v CompletionFields) {
	v.Prompt = getText(at.to(0))
	v.Completion = getText(at.to(8))
	return v
}

func storeCompletionFields(at ptr, v CompletionFields) {
	putText(at.to(0), v.Prompt)
	putText(at.to(8), v.Completion)
}

func loadPreferenceFields(at ptr) (v PreferenceFields) {
	v.Prompt = getOption(at.to(0), 4, getText)
	v.Chosen = getText(at.to(12))
	v.Rejected = getText(at.to(20))
	return v
}

func storePreferenceFields(at ptr, v PreferenceFields) {
	putOption(at.to(0), 4, v.Prompt, putText)
	putText(at.to(12), v.Chosen)
	putText(at.to(20), v.Rejected)
}

func loadLabelFields(at ptr) (v LabelFields) {
	v.Prompt = getText(at.to(0))
	v.Completion = getText(at.to(8))
	v.Label = getText(at.to(16))
	return v
}

func storeLabelFields(at ptr, v LabelFields) {
	putText(at.to(0), v.Prompt)
	putText(at.to(8), v.Completion)
	putText(at.to(16), v.Label)
}

func loadDatasetFormat(at ptr) DatasetFormat {
	switch getByte(at) {
	case 0:
		return DatasetFormatText{}
	case 1:
		return DatasetFormatRows{getText(at.to(4))}
	case 2:
		return DatasetFormatConversations{getText(at.to(4))}
	case 3:
		return DatasetFormatCompletions{loadCompletionFields(at.to(4))}
	case 4:
		return DatasetFormatPreferences{loadPreferenceFields(at.to(4))}
	case 5:
		return DatasetFormatLabels{loadLabelFields(at.to(4))}
	case 6:
		return DatasetFormatPrompts{getText(at.to(4))}
	case 7:
		return DatasetFormatOther{loadNamedSource(at.to(4))}
	}
	return nil
}

func storeDatasetFormat(at ptr, v DatasetFormat) {
	switch v := v.(type) {
	case DatasetFormatText:
		putByte(at, 0)
	case DatasetFormatRows:
		putByte(at, 1)
		putText(at.to(4), v.Value)
	case DatasetFormatConversations:
		putByte(at, 2)
		putText(at.to(4), v.Value)
	case DatasetFormatCompletions:
		putByte(at, 3)
		storeCompletionFields(at.to(4), v.Value)
	case DatasetFormatPreferences:
		putByte(at, 4)
		storePreferenceFields(at.to(4), v.Value)
	case DatasetFormatLabels:
		putByte(at, 5)
		storeLabelFields(at.to(4), v.Value)
	case DatasetFormatPrompts:
		putByte(at, 6)
		putText(at.to(4), v.Value)
	case DatasetFormatOther:
		putByte(at, 7)
		storeNamedSource(at.to(4), v.Value)
	default:
		panic(fmt.Sprintf("there is no DatasetFormat: it is %T", v))
	}
}

func loadHubDataset(at ptr) (v HubDataset) {
	v.Name = getText(at.to(0))
	v.Config = getOption(at.to(8), 4, getText)
	v.Split = getOption(at.to(20), 4, getText)
	v.Revision = getOption(at.to(32), 4, getText)
	return v
}

func storeHubDataset(at ptr, v HubDataset) {
	putText(at.to(0), v.Name)
	putOption(at.to(8), 4, v.Config, putText)
	putOption(at.to(20), 4, v.Split, putText)
	putOption(at.to(32), 4, v.Revision, putText)
}

func loadURLDataset(at ptr) (v URLDataset) {
	v.URL = getText(at.to(0))
	v.Sha256 = getOption(at.to(8), 4, getText)
	return v
}

func storeURLDataset(at ptr, v URLDataset) {
	putText(at.to(0), v.URL)
	putOption(at.to(8), 4, v.Sha256, putText)
}

func loadDatasetSource(at ptr) DatasetSource {
	switch getByte(at) {
	case 0:
		return DatasetSourceFile{getText(at.to(4))}
	case 1:
		return DatasetSourceHub{loadHubDataset(at.to(4))}
	case 2:
		return DatasetSourceURL{loadURLDataset(at.to(4))}
	case 3:
		return DatasetSourceOther{loadNamedSource(at.to(4))}
	}
	return nil
}

func storeDatasetSource(at ptr, v DatasetSource) {
	switch v := v.(type) {
	case DatasetSourceFile:
		putByte(at, 0)
		putText(at.to(4), v.Value)
	case DatasetSourceHub:
		putByte(at, 1)
		storeHubDataset(at.to(4), v.Value)
	case DatasetSourceURL:
		putByte(at, 2)
		storeURLDataset(at.to(4), v.Value)
	case DatasetSourceOther:
		putByte(at, 3)
		storeNamedSource(at.to(4), v.Value)
	default:
		panic(fmt.Sprintf("there is no DatasetSource: it is %T", v))
	}
}

func loadHeldOut(at ptr) HeldOut {
	switch getByte(at) {
	case 0:
		return HeldOutShare{getFloat64(at.to(8))}
	case 1:
		return HeldOutSource{loadDatasetSource(at.to(8))}
	}
	return nil
}

func storeHeldOut(at ptr, v HeldOut) {
	switch v := v.(type) {
	case HeldOutShare:
		putByte(at, 0)
		putFloat64(at.to(8), v.Value)
	case HeldOutSource:
		putByte(at, 1)
		storeDatasetSource(at.to(8), v.Value)
	default:
		panic(fmt.Sprintf("there is no HeldOut: it is %T", v))
	}
}

func loadDatasetSpec(at ptr) (v DatasetSpec) {
	v.Source = loadDatasetSource(at.to(0))
	v.Format = getVariant(at.to(48), 4, loadDatasetFormat)
	v.HeldOut = getVariant(at.to(88), 8, loadHeldOut)
	v.Additional = getList(at.to(152), 16, loadSetting)
	return v
}

func storeDatasetSpec(at ptr, v DatasetSpec) {
	storeDatasetSource(at.to(0), v.Source)
	putVariant(at.to(48), 4, v.Format, storeDatasetFormat)
	putVariant(at.to(88), 8, v.HeldOut, storeHeldOut)
	putList(at.to(152), v.Additional, 16, storeSetting)
}

func loadLora(at ptr) (v Lora) {
	v.R = getUint32(at.to(0))
	v.LoraAlpha = getOption(at.to(8), 8, getFloat64)
	v.LoraDropout = getOption(at.to(24), 8, getFloat64)
	v.TargetModules = getList(at.to(40), 8, getText)
	v.Additional = getList(at.to(48), 16, loadSetting)
	return v
}

func storeLora(at ptr, v Lora) {
	putUint32(at.to(0), v.R)
	putOption(at.to(8), 8, v.LoraAlpha, putFloat64)
	putOption(at.to(24), 8, v.LoraDropout, putFloat64)
	putList(at.to(40), v.TargetModules, 8, putText)
	putList(at.to(48), v.Additional, 16, storeSetting)
}

func loadLRSchedulerType(at ptr) LRSchedulerType { return LRSchedulerType(getByte(at)) }

func storeLRSchedulerType(at ptr, v LRSchedulerType) { putByte(at, byte(v)) }

func loadHyperparameters(at ptr) (v Hyperparameters) {
	v.MaxSteps = getOption(at.to(0), 4, getUint32)
	v.NumTrainEpochs = getOption(at.to(8), 8, getFloat64)
	v.LearningRate = getOption(at.to(24), 8, getFloat64)
	v.PerDeviceTrainBatchSize = getOption(at.to(40), 4, getUint32)
	v.GradientAccumulationSteps = getOption(at.to(48), 4, getUint32)
	v.MaxLength = getOption(at.to(56), 4, getUint32)
	v.LRSchedulerType = getOption(at.to(64), 1, loadLRSchedulerType)
	v.WarmupSteps = getOption(at.to(68), 4, getUint32)
	v.WeightDecay = getOption(at.to(80), 8, getFloat64)
	v.MaxGradNorm = getOption(at.to(96), 8, getFloat64)
	v.AdamBeta1 = getOption(at.to(112), 8, getFloat64)
	v.AdamBeta2 = getOption(at.to(128), 8, getFloat64)
	v.AdamEpsilon = getOption(at.to(144), 8, getFloat64)
	v.LoggingSteps = getOption(at.to(160), 4, getUint32)
	v.EvalSteps = getOption(at.to(168), 4, getUint32)
	v.SaveSteps = getOption(at.to(176), 4, getUint32)
	v.SaveTotalLimit = getOption(at.to(184), 4, getUint32)
	v.Seed = getOption(at.to(192), 4, getUint32)
	v.EarlyStoppingPatience = getOption(at.to(200), 4, getUint32)
	v.EarlyStoppingThreshold = getOption(at.to(208), 8, getFloat64)
	v.MetricForBestModel = getOption(at.to(224), 4, getText)
	v.GreaterIsBetter = getOption(at.to(236), 1, getBool)
	v.Additional = getList(at.to(240), 16, loadSetting)
	return v
}

func storeHyperparameters(at ptr, v Hyperparameters) {
	putOption(at.to(0), 4, v.MaxSteps, putUint32)
	putOption(at.to(8), 8, v.NumTrainEpochs, putFloat64)
	putOption(at.to(24), 8, v.LearningRate, putFloat64)
	putOption(at.to(40), 4, v.PerDeviceTrainBatchSize, putUint32)
	putOption(at.to(48), 4, v.GradientAccumulationSteps, putUint32)
	putOption(at.to(56), 4, v.MaxLength, putUint32)
	putOption(at.to(64), 1, v.LRSchedulerType, storeLRSchedulerType)
	putOption(at.to(68), 4, v.WarmupSteps, putUint32)
	putOption(at.to(80), 8, v.WeightDecay, putFloat64)
	putOption(at.to(96), 8, v.MaxGradNorm, putFloat64)
	putOption(at.to(112), 8, v.AdamBeta1, putFloat64)
	putOption(at.to(128), 8, v.AdamBeta2, putFloat64)
	putOption(at.to(144), 8, v.AdamEpsilon, putFloat64)
	putOption(at.to(160), 4, v.LoggingSteps, putUint32)
	putOption(at.to(168), 4, v.EvalSteps, putUint32)
	putOption(at.to(176), 4, v.SaveSteps, putUint32)
	putOption(at.to(184), 4, v.SaveTotalLimit, putUint32)
	putOption(at.to(192), 4, v.Seed, putUint32)
	putOption(at.to(200), 4, v.EarlyStoppingPatience, putUint32)
	putOption(at.to(208), 8, v.EarlyStoppingThreshold, putFloat64)
	putOption(at.to(224), 4, v.MetricForBestModel, putText)
	putOption(at.to(236), 1, v.GreaterIsBetter, putBool)
	putList(at.to(240), v.Additional, 16, storeSetting)
}

func loadSpec(at ptr) (v Spec) {
	v.Name = getText(at.to(0))
	v.Description = getOption(at.to(8), 4, getText)
	v.Tags = getList(at.to(20), 8, getText)
	v.Model = loadModelSource(at.to(32))
	v.Tokenizer = getVariant(at.to(112), 4, loadTokenizerSource)
	v.Dataset = getOption(at.to(144), 8, loadDatasetSpec)
	v.Models = getList(at.to(312), 88, loadNamedModel)
	v.Lora = getOption(at.to(320), 8, loadLora)
	v.Hyperparameters = loadHyperparameters(at.to(384))
	v.Additional = getList(at.to(632), 16, loadSetting)
	v.Extras = getOption(at.to(640), 4, getText)
	v.DryRun = getOption(at.to(652), 1, getBool)
	v.OwnLoop = getOption(at.to(654), 1, getBool)
	return v
}

func storeSpec(at ptr, v Spec) {
	putText(at.to(0), v.Name)
	putOption(at.to(8), 4, v.Description, putText)
	putList(at.to(20), v.Tags, 8, putText)
	storeModelSource(at.to(32), v.Model)
	putVariant(at.to(112), 4, v.Tokenizer, storeTokenizerSource)
	putOption(at.to(144), 8, v.Dataset, storeDatasetSpec)
	putList(at.to(312), v.Models, 88, storeNamedModel)
	putOption(at.to(320), 8, v.Lora, storeLora)
	storeHyperparameters(at.to(384), v.Hyperparameters)
	putList(at.to(632), v.Additional, 16, storeSetting)
	putOption(at.to(640), 4, v.Extras, putText)
	putOption(at.to(652), 1, v.DryRun, putBool)
	putOption(at.to(654), 1, v.OwnLoop, putBool)
}

func loadPosition(at ptr) (v Position) {
	v.Seq = getUint32(at.to(0))
	v.Step = getUint32(at.to(4))
	return v
}

func storePosition(at ptr, v Position) {
	putUint32(at.to(0), v.Seq)
	putUint32(at.to(4), v.Step)
}

func loadStarted(at ptr) (v Started) {
	v.At = loadPosition(at.to(0))
	v.Run = getText(at.to(8))
	v.Generation = getUint32(at.to(16))
	v.ResumedFrom = getOption(at.to(20), 4, getUint32)
	v.TotalSteps = getOption(at.to(28), 4, getUint32)
	v.Parent = getOption(at.to(36), 4, getText)
	v.Additional = getList(at.to(48), 16, loadSetting)
	return v
}

func storeStarted(at ptr, v Started) {
	storePosition(at.to(0), v.At)
	putText(at.to(8), v.Run)
	putUint32(at.to(16), v.Generation)
	putOption(at.to(20), 4, v.ResumedFrom, putUint32)
	putOption(at.to(28), 4, v.TotalSteps, putUint32)
	putOption(at.to(36), 4, v.Parent, putText)
	putList(at.to(48), v.Additional, 16, storeSetting)
}

func loadLogRecord(at ptr) (v LogRecord) {
	v.At = loadPosition(at.to(0))
	v.Epoch = getOption(at.to(8), 8, getFloat64)
	v.Loss = getOption(at.to(24), 8, getFloat64)
	v.LearningRate = getOption(at.to(40), 8, getFloat64)
	v.GradNorm = getOption(at.to(56), 8, getFloat64)
	v.Tokens = getFloat64(at.to(72))
	v.Metrics = getList(at.to(80), 16, loadMetric)
	v.Additional = getList(at.to(88), 16, loadSetting)
	return v
}

func storeLogRecord(at ptr, v LogRecord) {
	storePosition(at.to(0), v.At)
	putOption(at.to(8), 8, v.Epoch, putFloat64)
	putOption(at.to(24), 8, v.Loss, putFloat64)
	putOption(at.to(40), 8, v.LearningRate, putFloat64)
	putOption(at.to(56), 8, v.GradNorm, putFloat64)
	putFloat64(at.to(72), v.Tokens)
	putList(at.to(80), v.Metrics, 16, storeMetric)
	putList(at.to(88), v.Additional, 16, storeSetting)
}

func loadEvaluation(at ptr) (v Evaluation) {
	v.At = loadPosition(at.to(0))
	v.Loss = getOption(at.to(8), 8, getFloat64)
	v.Perplexity = getOption(at.to(24), 8, getFloat64)
	v.BestLoss = getOption(at.to(40), 8, getFloat64)
	v.Score = getOption(at.to(56), 8, loadMetric)
	v.BestScore = getOption(at.to(80), 8, getFloat64)
	v.IsBest = getBool(at.to(96))
	v.EvaluationsWithoutImprovement = getUint32(at.to(100))
	v.Metrics = getList(at.to(104), 16, loadMetric)
	v.Additional = getList(at.to(112), 16, loadSetting)
	return v
}

func storeEvaluation(at ptr, v Evaluation) {
	storePosition(at.to(0), v.At)
	putOption(at.to(8), 8, v.Loss, putFloat64)
	putOption(at.to(24), 8, v.Perplexity, putFloat64)
	putOption(at.to(40), 8, v.BestLoss, putFloat64)
	putOption(at.to(56), 8, v.Score, storeMetric)
	putOption(at.to(80), 8, v.BestScore, putFloat64)
	putBool(at.to(96), v.IsBest)
	putUint32(at.to(100), v.EvaluationsWithoutImprovement)
	putList(at.to(104), v.Metrics, 16, storeMetric)
	putList(at.to(112), v.Additional, 16, storeSetting)
}

func loadCheckpoint(at ptr) (v Checkpoint) {
	v.At = loadPosition(at.to(0))
	v.ID = getText(at.to(8))
	v.EvalLoss = getOption(at.to(16), 8, getFloat64)
	v.Score = getOption(at.to(32), 8, loadMetric)
	v.Metrics = getList(at.to(56), 16, loadMetric)
	v.Additional = getList(at.to(64), 16, loadSetting)
	return v
}

func storeCheckpoint(at ptr, v Checkpoint) {
	storePosition(at.to(0), v.At)
	putText(at.to(8), v.ID)
	putOption(at.to(16), 8, v.EvalLoss, putFloat64)
	putOption(at.to(32), 8, v.Score, storeMetric)
	putList(at.to(56), v.Metrics, 16, storeMetric)
	putList(at.to(64), v.Additional, 16, storeSetting)
}

func loadEndReason(at ptr) EndReason {
	switch getByte(at) {
	case 0:
		return EndReasonFinished{}
	case 1:
		return EndReasonEarlyStopping{}
	case 2:
		return EndReasonTrainer{getText(at.to(4))}
	case 3:
		return EndReasonUser{}
	case 4:
		return EndReasonReplaced{}
	case 5:
		return EndReasonOther{getText(at.to(4))}
	}
	return nil
}

func storeEndReason(at ptr, v EndReason) {
	switch v := v.(type) {
	case EndReasonFinished:
		putByte(at, 0)
	case EndReasonEarlyStopping:
		putByte(at, 1)
	case EndReasonTrainer:
		putByte(at, 2)
		putText(at.to(4), v.Value)
	case EndReasonUser:
		putByte(at, 3)
	case EndReasonReplaced:
		putByte(at, 4)
	case EndReasonOther:
		putByte(at, 5)
		putText(at.to(4), v.Value)
	default:
		panic(fmt.Sprintf("there is no EndReason: it is %T", v))
	}
}

func loadCompleted(at ptr) (v Completed) {
	v.At = loadPosition(at.to(0))
	v.Reason = loadEndReason(at.to(8))
	v.Checkpoint = getOption(at.to(20), 4, getText)
	v.Loss = getOption(at.to(32), 8, getFloat64)
	v.EvalLoss = getOption(at.to(48), 8, getFloat64)
	v.BestScore = getOption(at.to(64), 8, getFloat64)
	v.BestCheckpoint = getOption(at.to(80), 4, getText)
	v.Metrics = getList(at.to(92), 16, loadMetric)
	v.Additional = getList(at.to(100), 16, loadSetting)
	return v
}

func storeCompleted(at ptr, v Completed) {
	storePosition(at.to(0), v.At)
	storeEndReason(at.to(8), v.Reason)
	putOption(at.to(20), 4, v.Checkpoint, putText)
	putOption(at.to(32), 8, v.Loss, putFloat64)
	putOption(at.to(48), 8, v.EvalLoss, putFloat64)
	putOption(at.to(64), 8, v.BestScore, putFloat64)
	putOption(at.to(80), 4, v.BestCheckpoint, putText)
	putList(at.to(92), v.Metrics, 16, storeMetric)
	putList(at.to(100), v.Additional, 16, storeSetting)
}

func loadFailed(at ptr) (v Failed) {
	v.At = loadPosition(at.to(0))
	v.Message = getText(at.to(8))
	v.Code = getText(at.to(16))
	v.Hint = getOption(at.to(24), 4, getText)
	v.Checkpoint = getOption(at.to(36), 4, getText)
	v.Additional = getList(at.to(48), 16, loadSetting)
	return v
}

func storeFailed(at ptr, v Failed) {
	storePosition(at.to(0), v.At)
	putText(at.to(8), v.Message)
	putText(at.to(16), v.Code)
	putOption(at.to(24), 4, v.Hint, putText)
	putOption(at.to(36), 4, v.Checkpoint, putText)
	putList(at.to(48), v.Additional, 16, storeSetting)
}

func loadAction(at ptr) Action {
	switch getByte(at) {
	case 0:
		return ActionStop{getText(at.to(8))}
	case 1:
		return ActionSave{}
	case 2:
		return ActionEvaluate{}
	case 3:
		return ActionEvaluated{loadMeasurement(at.to(8))}
	case 4:
		return ActionSetLearningRate{getFloat64(at.to(8))}
	case 5:
		return ActionFollowSchedule{}
	case 6:
		return ActionPause{}
	case 7:
		return ActionLogMetric{loadMetric(at.to(8))}
	case 8:
		return ActionOther{loadSetting(at.to(8))}
	}
	return nil
}

func storeAction(at ptr, v Action) {
	switch v := v.(type) {
	case ActionStop:
		putByte(at, 0)
		putText(at.to(8), v.Value)
	case ActionSave:
		putByte(at, 1)
	case ActionEvaluate:
		putByte(at, 2)
	case ActionEvaluated:
		putByte(at, 3)
		storeMeasurement(at.to(8), v.Value)
	case ActionSetLearningRate:
		putByte(at, 4)
		putFloat64(at.to(8), v.Value)
	case ActionFollowSchedule:
		putByte(at, 5)
	case ActionPause:
		putByte(at, 6)
	case ActionLogMetric:
		putByte(at, 7)
		storeMetric(at.to(8), v.Value)
	case ActionOther:
		putByte(at, 8)
		storeSetting(at.to(8), v.Value)
	default:
		panic(fmt.Sprintf("there is no Action: it is %T", v))
	}
}

func answerDescribe(v Spec, err error) uint32 {
	result := room(664)
	if err != nil {
		putByte(result, 1)
		putText(result.to(8), err.Error())
		return uint32(result)
	}
	storeSpec(result.to(8), v)
	return uint32(result)
}

func answerRun(v struct{}, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	_ = v
	return uint32(result)
}

func answerOnStarted(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 32, storeAction)
	return uint32(result)
}

func answerOnLog(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 32, storeAction)
	return uint32(result)
}

func answerOnEvaluate(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 32, storeAction)
	return uint32(result)
}

func answerOnCheckpoint(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 32, storeAction)
	return uint32(result)
}

func answerOnCompleted(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 32, storeAction)
	return uint32(result)
}

func answerOnFailed(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 32, storeAction)
	return uint32(result)
}

func answerSaveState(v []byte, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putNumbers(result.to(4), v)
	return uint32(result)
}

func answerLoadState(v struct{}, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	_ = v
	return uint32(result)
}
