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

func loadSampling(at ptr) (v Sampling) {
	v.MaxTokens = getOption(at.to(0), 4, getUint32)
	v.Temperature = getOption(at.to(8), 8, getFloat64)
	v.TopK = getOption(at.to(24), 4, getUint32)
	v.TopP = getOption(at.to(32), 8, getFloat64)
	v.Stop = getList(at.to(48), 8, getText)
	v.StopTokens = getNumbers[uint32](at.to(56))
	v.Seed = getOption(at.to(64), 4, getUint32)
	v.Additional = getList(at.to(72), 16, loadSetting)
	return v
}

func storeSampling(at ptr, v Sampling) {
	putOption(at.to(0), 4, v.MaxTokens, putUint32)
	putOption(at.to(8), 8, v.Temperature, putFloat64)
	putOption(at.to(24), 4, v.TopK, putUint32)
	putOption(at.to(32), 8, v.TopP, putFloat64)
	putList(at.to(48), v.Stop, 8, putText)
	putNumbers(at.to(56), v.StopTokens)
	putOption(at.to(64), 4, v.Seed, putUint32)
	putList(at.to(72), v.Additional, 16, storeSetting)
}

func loadStopReason(at ptr) StopReason { return StopReason(getByte(at)) }

func storeStopReason(at ptr, v StopReason) { putByte(at, byte(v)) }

func loadLevel(at ptr) Level { return Level(getByte(at)) }

func storeLevel(at ptr, v Level) { putByte(at, byte(v)) }

func loadColumn(at ptr) (v Column) {
	v.Name = getText(at.to(0))
	v.Values = getNumbers[float32](at.to(8))
	return v
}

func storeColumn(at ptr, v Column) {
	putText(at.to(0), v.Name)
	putNumbers(at.to(8), v.Values)
}

func loadDatum(at ptr) (v Datum) {
	v.Tokens = getNumbers[uint32](at.to(0))
	v.Targets = getNumbers[uint32](at.to(8))
	v.Weights = getNumbers[float32](at.to(16))
	v.Advantages = getNumbers[float32](at.to(24))
	v.OldLogProbs = getNumbers[float32](at.to(32))
	v.Additional = getList(at.to(40), 16, loadColumn)
	return v
}

func storeDatum(at ptr, v Datum) {
	putNumbers(at.to(0), v.Tokens)
	putNumbers(at.to(8), v.Targets)
	putNumbers(at.to(16), v.Weights)
	putNumbers(at.to(24), v.Advantages)
	putNumbers(at.to(32), v.OldLogProbs)
	putList(at.to(40), v.Additional, 16, storeColumn)
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
	v.Parameters = getList(at.to(8), 16, loadMetric)
	return v
}

func storeNamedLoss(at ptr, v NamedLoss) {
	putText(at.to(0), v.Name)
	putList(at.to(8), v.Parameters, 16, storeMetric)
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
	return v
}

func storeForwardOutput(at ptr, v ForwardOutput) {
	putFloat64(at.to(0), v.LossSum)
	putFloat64(at.to(8), v.WeightSum)
	putList(at.to(16), v.LogProbs, 8, func(at ptr, v []float32) { putNumbers(at, v) })
	putList(at.to(24), v.Metrics, 16, storeMetric)
}

func loadAdam(at ptr) (v Adam) {
	v.LearningRate = getFloat64(at.to(0))
	v.Beta1 = getOption(at.to(8), 8, getFloat64)
	v.Beta2 = getOption(at.to(24), 8, getFloat64)
	v.Eps = getOption(at.to(40), 8, getFloat64)
	v.WeightDecay = getOption(at.to(56), 8, getFloat64)
	v.MaxGradNorm = getOption(at.to(72), 8, getFloat64)
	return v
}

func storeAdam(at ptr, v Adam) {
	putFloat64(at.to(0), v.LearningRate)
	putOption(at.to(8), 8, v.Beta1, putFloat64)
	putOption(at.to(24), 8, v.Beta2, putFloat64)
	putOption(at.to(40), 8, v.Eps, putFloat64)
	putOption(at.to(56), 8, v.WeightDecay, putFloat64)
	putOption(at.to(72), 8, v.MaxGradNorm, putFloat64)
}

func loadOptimOutput(at ptr) (v OptimOutput) {
	v.Step = getUint32(at.to(0))
	v.GradNorm = getFloat64(at.to(8))
	v.Metrics = getList(at.to(16), 16, loadMetric)
	return v
}

func storeOptimOutput(at ptr, v OptimOutput) {
	putUint32(at.to(0), v.Step)
	putFloat64(at.to(8), v.GradNorm)
	putList(at.to(16), v.Metrics, 16, storeMetric)
}

func loadSessionEvaluation(at ptr) (v SessionEvaluation) {
	v.Loss = getFloat64(at.to(0))
	v.Tokens = getUint32(at.to(8))
	return v
}

func storeSessionEvaluation(at ptr, v SessionEvaluation) {
	putFloat64(at.to(0), v.Loss)
	putUint32(at.to(8), v.Tokens)
}

func loadSequence(at ptr) (v Sequence) {
	v.Tokens = getNumbers[uint32](at.to(0))
	v.LogProbs = getNumbers[float32](at.to(8))
	v.StopReason = loadStopReason(at.to(16))
	return v
}

func storeSequence(at ptr, v Sequence) {
	putNumbers(at.to(0), v.Tokens)
	putNumbers(at.to(8), v.LogProbs)
	storeStopReason(at.to(16), v.StopReason)
}

func loadRenderedChat(at ptr) (v RenderedChat) {
	v.Tokens = getNumbers[uint32](at.to(0))
	v.AssistantMask = getNumbers[float32](at.to(8))
	return v
}

func storeRenderedChat(at ptr, v RenderedChat) {
	putNumbers(at.to(0), v.Tokens)
	putNumbers(at.to(8), v.AssistantMask)
}

func loadModelInfo(at ptr) (v ModelInfo) {
	v.Architecture = getText(at.to(0))
	v.Parameters = getFloat64(at.to(8))
	v.VocabSize = getUint32(at.to(16))
	v.ContextLength = getUint32(at.to(20))
	v.EndOfSequence = getNumbers[uint32](at.to(24))
	return v
}

func storeModelInfo(at ptr, v ModelInfo) {
	putText(at.to(0), v.Architecture)
	putFloat64(at.to(8), v.Parameters)
	putUint32(at.to(16), v.VocabSize)
	putUint32(at.to(20), v.ContextLength)
	putNumbers(at.to(24), v.EndOfSequence)
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
		return &HostError{Code: "unavailable", Message: getText(at.to(4))}
	case 7:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadDirective(at ptr) Directive { return Directive(getByte(at)) }

func storeDirective(at ptr, v Directive) { putByte(at, byte(v)) }

func loadWishes(at ptr) (v Wishes) {
	v.Checkpoint = getBool(at.to(0))
	v.LearningRate = getOption(at.to(8), 8, getFloat64)
	return v
}

func storeWishes(at ptr, v Wishes) {
	putBool(at.to(0), v.Checkpoint)
	putOption(at.to(8), 8, v.LearningRate, putFloat64)
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
	return v
}

func storeResumeInfo(at ptr, v ResumeInfo) {
	putUint32(at.to(0), v.Step)
	putNumbers(at.to(4), v.State)
	putOption(at.to(16), 8, v.LearningRate, putFloat64)
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
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadSplit(at ptr) Split { return Split(getByte(at)) }

func storeSplit(at ptr, v Split) { putByte(at, byte(v)) }

func loadDatasetInfo(at ptr) (v DatasetInfo) {
	v.TrainExamples = getUint32(at.to(0))
	v.EvalExamples = getUint32(at.to(4))
	v.TrainTokens = getFloat64(at.to(8))
	v.UnigramEntropy = getOption(at.to(16), 8, getFloat64)
	return v
}

func storeDatasetInfo(at ptr, v DatasetInfo) {
	putUint32(at.to(0), v.TrainExamples)
	putUint32(at.to(4), v.EvalExamples)
	putFloat64(at.to(8), v.TrainTokens)
	putOption(at.to(16), 8, v.UnigramEntropy, putFloat64)
}

func loadExample(at ptr) (v Example) {
	v.Tokens = getNumbers[uint32](at.to(0))
	v.Targets = getNumbers[uint32](at.to(8))
	v.Weights = getNumbers[float32](at.to(16))
	return v
}

func storeExample(at ptr, v Example) {
	putNumbers(at.to(0), v.Tokens)
	putNumbers(at.to(8), v.Targets)
	putNumbers(at.to(16), v.Weights)
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
		return &HostError{Code: "unavailable", Message: getText(at.to(4))}
	case 4:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadGeneration(at ptr) (v Generation) {
	v.Text = getText(at.to(0))
	v.Tokens = getUint32(at.to(8))
	v.StopReason = loadStopReason(at.to(12))
	return v
}

func storeGeneration(at ptr, v Generation) {
	putText(at.to(0), v.Text)
	putUint32(at.to(8), v.Tokens)
	storeStopReason(at.to(12), v.StopReason)
}

func loadInferenceError(at ptr) *HostError {
	switch getByte(at) {
	case 0:
		return &HostError{Code: "not-ready", Message: "before the model exists"}
	case 1:
		return &HostError{Code: "invalid", Message: getText(at.to(4))}
	case 2:
		return &HostError{Code: "unavailable", Message: getText(at.to(4))}
	case 3:
		return &HostError{Code: "other", Message: getText(at.to(4))}
	}
	return &HostError{Code: "unknown"}
}

func loadArtifact(at ptr) (v Artifact) {
	v.Name = getText(at.to(0))
	v.Size = getUint32(at.to(8))
	v.Digest = getText(at.to(12))
	return v
}

func storeArtifact(at ptr, v Artifact) {
	putText(at.to(0), v.Name)
	putUint32(at.to(8), v.Size)
	putText(at.to(12), v.Digest)
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

func loadHubModel(at ptr) (v HubModel) {
	v.Name = getText(at.to(0))
	v.Revision = getOption(at.to(8), 4, getText)
	return v
}

func storeHubModel(at ptr, v HubModel) {
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
		return ModelSourceHub{loadHubModel(at.to(8))}
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
		storeHubModel(at.to(8), v.Value)
	default:
		panic(fmt.Sprintf("there is no ModelSource: it is %T", v))
	}
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
	default:
		panic(fmt.Sprintf("there is no TokenizerSource: it is %T", v))
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
	default:
		panic(fmt.Sprintf("there is no DatasetSource: it is %T", v))
	}
}

func loadLora(at ptr) (v Lora) {
	v.R = getUint32(at.to(0))
	v.LoraAlpha = getOption(at.to(8), 8, getFloat64)
	v.LoraDropout = getOption(at.to(24), 8, getFloat64)
	v.TargetModules = getList(at.to(40), 8, getText)
	return v
}

func storeLora(at ptr, v Lora) {
	putUint32(at.to(0), v.R)
	putOption(at.to(8), 8, v.LoraAlpha, putFloat64)
	putOption(at.to(24), 8, v.LoraDropout, putFloat64)
	putList(at.to(40), v.TargetModules, 8, putText)
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
}

func loadSpec(at ptr) (v Spec) {
	v.Name = getText(at.to(0))
	v.Description = getOption(at.to(8), 4, getText)
	v.Tags = getList(at.to(20), 8, getText)
	v.Model = loadModelSource(at.to(32))
	v.Tokenizer = getVariant(at.to(112), 4, loadTokenizerSource)
	v.Dataset = getVariant(at.to(128), 4, loadDatasetSource)
	v.EvalFraction = getOption(at.to(184), 8, getFloat64)
	v.Lora = getOption(at.to(200), 8, loadLora)
	v.Hyperparameters = loadHyperparameters(at.to(256))
	v.Additional = getList(at.to(480), 16, loadSetting)
	v.Extras = getOption(at.to(488), 4, getText)
	v.DryRun = getOption(at.to(500), 1, getBool)
	v.OwnLoop = getOption(at.to(502), 1, getBool)
	return v
}

func storeSpec(at ptr, v Spec) {
	putText(at.to(0), v.Name)
	putOption(at.to(8), 4, v.Description, putText)
	putList(at.to(20), v.Tags, 8, putText)
	storeModelSource(at.to(32), v.Model)
	putVariant(at.to(112), 4, v.Tokenizer, storeTokenizerSource)
	putVariant(at.to(128), 4, v.Dataset, storeDatasetSource)
	putOption(at.to(184), 8, v.EvalFraction, putFloat64)
	putOption(at.to(200), 8, v.Lora, storeLora)
	storeHyperparameters(at.to(256), v.Hyperparameters)
	putList(at.to(480), v.Additional, 16, storeSetting)
	putOption(at.to(488), 4, v.Extras, putText)
	putOption(at.to(500), 1, v.DryRun, putBool)
	putOption(at.to(502), 1, v.OwnLoop, putBool)
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
	return v
}

func storeStarted(at ptr, v Started) {
	storePosition(at.to(0), v.At)
	putText(at.to(8), v.Run)
	putUint32(at.to(16), v.Generation)
	putOption(at.to(20), 4, v.ResumedFrom, putUint32)
	putOption(at.to(28), 4, v.TotalSteps, putUint32)
	putOption(at.to(36), 4, v.Parent, putText)
}

func loadLogRecord(at ptr) (v LogRecord) {
	v.At = loadPosition(at.to(0))
	v.Epoch = getOption(at.to(8), 8, getFloat64)
	v.Loss = getOption(at.to(24), 8, getFloat64)
	v.LearningRate = getOption(at.to(40), 8, getFloat64)
	v.GradNorm = getOption(at.to(56), 8, getFloat64)
	v.Tokens = getFloat64(at.to(72))
	v.Metrics = getList(at.to(80), 16, loadMetric)
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
}

func loadEvaluation(at ptr) (v Evaluation) {
	v.At = loadPosition(at.to(0))
	v.Loss = getFloat64(at.to(8))
	v.Perplexity = getFloat64(at.to(16))
	v.BestLoss = getFloat64(at.to(24))
	v.EvaluationsWithoutImprovement = getUint32(at.to(32))
	v.Metrics = getList(at.to(36), 16, loadMetric)
	return v
}

func storeEvaluation(at ptr, v Evaluation) {
	storePosition(at.to(0), v.At)
	putFloat64(at.to(8), v.Loss)
	putFloat64(at.to(16), v.Perplexity)
	putFloat64(at.to(24), v.BestLoss)
	putUint32(at.to(32), v.EvaluationsWithoutImprovement)
	putList(at.to(36), v.Metrics, 16, storeMetric)
}

func loadCheckpoint(at ptr) (v Checkpoint) {
	v.At = loadPosition(at.to(0))
	v.ID = getText(at.to(8))
	v.EvalLoss = getOption(at.to(16), 8, getFloat64)
	return v
}

func storeCheckpoint(at ptr, v Checkpoint) {
	storePosition(at.to(0), v.At)
	putText(at.to(8), v.ID)
	putOption(at.to(16), 8, v.EvalLoss, putFloat64)
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
	return v
}

func storeCompleted(at ptr, v Completed) {
	storePosition(at.to(0), v.At)
	storeEndReason(at.to(8), v.Reason)
	putOption(at.to(20), 4, v.Checkpoint, putText)
	putOption(at.to(32), 8, v.Loss, putFloat64)
	putOption(at.to(48), 8, v.EvalLoss, putFloat64)
}

func loadFailed(at ptr) (v Failed) {
	v.At = loadPosition(at.to(0))
	v.Message = getText(at.to(8))
	v.Checkpoint = getOption(at.to(16), 4, getText)
	return v
}

func storeFailed(at ptr, v Failed) {
	storePosition(at.to(0), v.At)
	putText(at.to(8), v.Message)
	putOption(at.to(16), 4, v.Checkpoint, putText)
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
		return ActionSetLearningRate{getFloat64(at.to(8))}
	case 4:
		return ActionFollowSchedule{}
	case 5:
		return ActionPause{}
	case 6:
		return ActionLogMetric{loadMetric(at.to(8))}
	case 7:
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
	case ActionSetLearningRate:
		putByte(at, 3)
		putFloat64(at.to(8), v.Value)
	case ActionFollowSchedule:
		putByte(at, 4)
	case ActionPause:
		putByte(at, 5)
	case ActionLogMetric:
		putByte(at, 6)
		storeMetric(at.to(8), v.Value)
	case ActionOther:
		putByte(at, 7)
		storeSetting(at.to(8), v.Value)
	default:
		panic(fmt.Sprintf("there is no Action: it is %T", v))
	}
}

func answerDescribe(v Spec, err error) uint32 {
	result := room(512)
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
	putList(result.to(4), v, 24, storeAction)
	return uint32(result)
}

func answerOnLog(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 24, storeAction)
	return uint32(result)
}

func answerOnEvaluate(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 24, storeAction)
	return uint32(result)
}

func answerOnCheckpoint(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 24, storeAction)
	return uint32(result)
}

func answerOnCompleted(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 24, storeAction)
	return uint32(result)
}

func answerOnFailed(v []Action, err error) uint32 {
	result := room(12)
	if err != nil {
		putByte(result, 1)
		putText(result.to(4), err.Error())
		return uint32(result)
	}
	putList(result.to(4), v, 24, storeAction)
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
