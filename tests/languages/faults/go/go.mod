module faults

go 1.24

require arkor v0.0.0

replace arkor => ../../../../guest-sdk/go
