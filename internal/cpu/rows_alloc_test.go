package cpu

import "testing"

// Small work runs on the caller's thread, and then nothing is allocated.
func TestSmallRowsDoNotAllocate(t *testing.T) {
	const m, n = 8, 20
	x, y, g := make([]float32, m*n), make([]float32, m*n), make([]float32, m*n)
	a, b, c, d := make([]float32, m), make([]float32, m), make([]float32, n), make([]float32, n)
	target, rows := make([]int64, m), make([]int64, m)
	adam := []AdamSlices[float32]{{P: x, G: g, M: y, V: y}}
	list := [][]float32{x, y}
	for _, k := range []struct {
		what string
		run  func()
	}{
		{"SoftmaxRows", func() { SoftmaxRows(y, x, m, n) }},
		{"LogSoftmaxRows", func() { LogSoftmaxRows(y, x, m, n) }},
		{"LogSumExpRows", func() { LogSumExpRows(a, x, m, n) }},
		{"SoftmaxGradRows", func() { SoftmaxGradRows(y, g, x, m, n) }},
		{"LogSoftmaxGradRows", func() { LogSoftmaxGradRows(y, g, x, m, n) }},
		{"CrossEntropyRows", func() { CrossEntropyRows(a, x, target, m, n, -1, 0.1, nil) }},
		{"CrossEntropyGradRows", func() { CrossEntropyGradRows(y, x, target, a, m, n, -1, 0.1, nil) }},
		{"LayerNorm", func() { LayerNorm(y, a, b, x, c, d, m, n, 1e-5) }},
		{"LayerNormGrad", func() { LayerNormGrad(y, c, d, g, x, a, b, c, m, n) }},
		{"RMSNorm", func() { RMSNorm(y, b, x, c, m, n, 1e-5) }},
		{"RMSNormGrad", func() { RMSNormGrad(y, c, g, x, b, d, m, n) }},
		{"BatchNormStats", func() { BatchNormStats(a, b, x, 1, m, n) }},
		{"BatchNormApply", func() { BatchNormApply(y, x, a, b, nil, nil, 1, m, n) }},
		{"BatchNormGrad", func() { BatchNormGrad(y, nil, nil, g, x, a, b, nil, 1, m, n) }},
		{"BatchNormGrad of columns", func() { BatchNormGrad(y, nil, nil, g, x, c, d, nil, m, n, 1) }},
		{"SGDStep", func() { SGDStep(x, g, y, SGDHyper{}) }},
		{"AdamStep", func() { AdamStep(x, g, y, y, nil, AdamHyper{}) }},
		{"AdamStepAll", func() { AdamStepAll(adam, AdamHyper{}) }},
		{"SumSquaresAll", func() { SumSquaresAll(list) }},
		{"ScaleAll", func() { ScaleAll(list, 1) }},
		{"FillUniform", func() { FillUniform(x, 1, 2) }},
		{"FillNormal", func() { FillNormal(x, 1, 2) }},
		{"Dropout", func() { Dropout(y, x, 0.5, 1, 2) }},
		{"GatherRows", func() { GatherRows(y, x, rows, n) }},
		{"ScatterAddRows", func() { ScatterAddRows(y, x, rows, n) }},
		{"GatherAxis", func() { GatherAxis(a, x, rows, 1, m, m, 1) }},
		{"ScatterAddAxis", func() { ScatterAddAxis(x, a, rows, 1, m, m, 1) }},
	} {
		k.run()
		if n := testing.AllocsPerRun(10, k.run); n != 0 {
			t.Errorf("%s allocates %v times", k.what, n)
		}
	}
}
