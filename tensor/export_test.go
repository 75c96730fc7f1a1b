package tensor

// Apply runs the operation called name, for tests of operations without a method of their own.
func Apply(name string, attrs any, in ...*Tensor) []*Tensor { return applyAll(ops[name], attrs, in) }

// IsSmooth reports whether the operation called name has gradients.
func IsSmooth(name string) bool { return !ops[name].NoGrad }

// UsedOps returns the names of the operations recorded behind t.
func UsedOps(t *Tensor) map[string]bool {
	used := map[string]bool{}
	seen := map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		used[n.call.Op.Name] = true
		for _, in := range n.call.In {
			walk(in.node)
		}
	}
	walk(t.node)
	return used
}

// FirstOf returns a view of the first slice along axis 0.
func FirstOf(t *Tensor) *Tensor { return t.row(0) }

// ConvAttrs returns the attributes of the gradients of a convolution whose input (or kernel) has h×w elements.
func ConvAttrs(cfg Conv2DConfig, h, w int) any {
	return convolution{Conv2DConfig: cfg.normal(), size: [2]int{h, w}}
}

// IndexedMaxPoolAttrs returns the attributes of max pooling that says where the maxima are.
func IndexedMaxPoolAttrs(cfg MaxPool2DConfig) any { return maximum{cfg, true} }

// MaxPoolAttrs returns the attributes of the gradients of max pooling of x.
func MaxPoolAttrs(cfg MaxPool2DConfig, x *Tensor) any {
	s, err := poolShape(x, cfg)
	if err != nil {
		panic(err)
	}
	return s
}

// AvgPoolAttrs returns the attributes of the gradient of average pooling of images of h×w elements.
func AvgPoolAttrs(cfg AvgPool2DConfig, h, w int) any {
	return averaging{windows: MaxPool2DConfig{Kernel: cfg.Kernel, Stride: cfg.Stride, Padding: cfg.Padding, Ceil: cfg.Ceil},
		countPad: !cfg.ExcludePad, divisor: cfg.Divisor, size: [2]int{h, w}}
}

// BatchNormReLUAttrs returns the attributes of the gradient of batch norm and ReLU, with or without something added in between.
func BatchNormReLUAttrs(eps float64, add bool) any { return batchNormReLU{eps, add} }

// IsFused reports whether the operation called name has both a kernel and a definition in simpler operations.
func IsFused(name string) bool { return ops[name].Kernel != nil && ops[name].Decompose != nil }

// Fused calls f with every call recorded behind t that has both a kernel and a definition in simpler operations: with what each gives.
func Fused(t *Tensor, f func(name string, kernel, simple []*Tensor)) {
	seen := map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		if IsFused(n.call.Op.Name) {
			plain := *n.call
			plain.In = detachAll(n.call.In)
			f(n.call.Op.Name, n.call.Out, plain.Op.Decompose(&plain))
		}
		for _, in := range n.call.In {
			walk(in.node)
		}
	}
	walk(t.node)
}

// ResampleAttrs returns the attributes of interpolate's transpose, for images of h×w elements.
func ResampleAttrs(cfg InterpolateConfig, h, w int) any {
	return resampling{InterpolateConfig: cfg, transposed: true, size: [2]int{h, w}}
}

// SamplingAttrs returns the attributes of grid_sample's derivatives, and of their transposes for images of h×w elements.
func SamplingAttrs(cfg GridSampleConfig, slope [2]int, h, w int) any {
	return sampling{GridSampleConfig: cfg, slope: slope, size: [2]int{h, w}}
}

// RegionAttrs returns the attributes of roi_align's transpose, for images of the given shape.
func RegionAttrs(cfg RoIAlignConfig, shape ...int) any {
	return pooledRegions{RoIAlignConfig: cfg, size: [4]int(shape)}
}
