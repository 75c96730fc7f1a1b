package explain

import (
	"math"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
)

// reference returns a small network, and an image with what PyTorch computes of both (testdata/gen_torch.py).
func reference(t *testing.T) (nn.Layer, map[string]*tensor.Tensor) {
	t.Helper()
	all, err := safetensors.Load("testdata/torch.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	net := nn.Seq(nn.Conv2DConfig{In: 3, Out: 4, Kernel: 3, Pad: 1}.New(), nn.ReLU(), nn.MaxPool2D(2),
		nn.Conv2DConfig{In: 4, Out: 6, Kernel: 3, Pad: 1}.New(), nn.ReLU(), nn.Flatten(), nn.NewLinear(180, 5))
	state := map[string]*tensor.Tensor{}
	for k, v := range all {
		if name, ok := strings.CutPrefix(k, "net."); ok {
			state[name] = v
		}
	}
	if err := nn.LoadState(net, state, nn.LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	return net, all
}

func near(t *testing.T, what string, got, want *tensor.Tensor, tolerance float64) {
	t.Helper()
	if !got.SameShape(want) {
		t.Fatalf("%s has shape %v, want %v", what, got.Shape(), want.Shape())
	}
	if far := got.To(tensor.Float64).Sub(want.To(tensor.Float64)).Abs().Max().Item(); !(far <= tolerance) {
		t.Errorf("%s differs by %g", what, far)
	}
}

func TestMapsEqualPyTorch(t *testing.T) {
	net, want := reference(t)
	x := want["x"]
	near(t, "saliency", Saliency(net, x, 2), want["saliency"], 1e-6)
	near(t, "integrated gradients", IntegratedGradients(net, x, nil, 2, 20), want["integrated"], 1e-6)
	near(t, "Grad-CAM", GradCAM(net, x, 2, "4"), want["cam"], 1e-5)
	near(t, "Grad-CAM of the last layer with pictures", GradCAM(net, x, 2, ""), want["cam"], 1e-5)
	near(t, "occlusion", Occlusion(net, x, 2, OcclusionConfig{Size: 4, Stride: 3, Value: 0.5}), want["occlusion"], 1e-6)
}

// The parts that integrated gradients give to the pixels add up to the difference of the logits.
func TestIntegratedGradientsAddUp(t *testing.T) {
	net, all := reference(t)
	x := all["x"]
	baseline := tensor.NewRNG(4).Normal(tensor.Float32, 0, 0.3, 3, 10, 12)
	sum := IntegratedGradients(net, x, baseline, 1, 400).Sum().Item()
	logit := func(x *tensor.Tensor) float64 { return net.Forward(nn.Eval(), x.Unsqueeze(0)).At(0, 1) }
	if want := logit(x) - logit(baseline); math.Abs(sum-want) > 2e-3*math.Abs(want) {
		t.Errorf("the parts add up to %g, the logits differ by %g", sum, want)
	}
}

// Without noise to speak of, the smooth map is the plain one.
func TestSmoothGradWithoutNoiseIsSaliency(t *testing.T) {
	net, all := reference(t)
	smooth := SmoothGrad(net, all["x"], 3, SmoothGradConfig{Samples: 4, Noise: 1e-9})
	near(t, "SmoothGrad", smooth, Saliency(net, all["x"], 3), 1e-6)
	if other := SmoothGrad(net, all["x"], 3, SmoothGradConfig{Samples: 4, Noise: 0.3}); other.Sub(smooth).Abs().Max().Item() < 1e-4 {
		t.Error("noise changes nothing")
	}
}

func TestActivationsComeInOrder(t *testing.T) {
	net, all := reference(t)
	acts := Activations(net, all["x"])
	if len(acts) != 7 {
		t.Fatalf("%d activations of 7 layers", len(acts))
	}
	if acts[0].Path != "0" || acts[0].Value.Size(1) != 4 || acts[6].Path != "6" {
		t.Errorf("got %s and %s", acts[0].Path, acts[6].Path)
	}
	near(t, "the last activation", acts[6].Value, net.Forward(nn.Eval(), all["x"].Unsqueeze(0)), 1e-6)
}

// An image made to excite a unit excites it more than any of many random images of the same energy.
func TestMaximiseExcites(t *testing.T) {
	net, _ := reference(t)
	x := Maximise(net, "3", 1, [3]int{3, 10, 12}, MaximiseConfig{Steps: 60, Seed: 1})
	size := math.Sqrt(x.Square().Mean().Item())
	rng := tensor.NewRNG(2)
	best := math.Inf(-1)
	for range 200 {
		best = max(best, excitation("test", net, rng.Normal(tensor.Float32, 0, size, 3, 10, 12), "3", 1).Item())
	}
	if got := excitation("test", net, x, "3", 1).Item(); got <= best {
		t.Errorf("excitation is %g, a random image reaches %g", got, best)
	}
}

// After a layer that loses nothing the image itself comes back; after one that throws much away, another image with the same activations does.
func TestInvertFindsTheImage(t *testing.T) {
	net, all := reference(t)
	x := all["x"]
	back, far := Invert(net, x, "0", InvertConfig{Steps: 400, Smooth: 1e-6})
	if far > 1e-3 || back.Sub(x).Square().Mean().Item() > 0.05*x.Square().Mean().Item() {
		t.Errorf("activations are %g apart, images %g", far, back.Sub(x).Square().Mean().Item())
	}
	deep, far := Invert(net, x, "6", InvertConfig{Steps: 400, Smooth: 1e-6})
	if far > 1e-3 || deep.Sub(x).Square().Mean().Item() < 0.3 {
		t.Errorf("logits are %g apart, images %g", far, deep.Sub(x).Square().Mean().Item())
	}
}

func TestMistakesAreNamed(t *testing.T) {
	net, all := reference(t)
	x := all["x"]
	for want, f := range map[string]func(){
		"(C, H, W)":       func() { Saliency(net, x.Unsqueeze(0), 0) },
		"class 7":         func() { GradCAM(net, x, 7, "") },
		`no layer "conv"`: func() { GradCAM(net, x, 0, "conv") },
		"pictures":        func() { GradCAM(net, x, 0, "6") },
		"doesn't fit":     func() { Occlusion(net, x, 0, OcclusionConfig{Size: 11}) },
		"a channel 9":     func() { Maximise(net, "3", 9, [3]int{3, 10, 12}, MaximiseConfig{}) },
		"baseline":        func() { IntegratedGradients(net, x, tensor.Zeros(tensor.Float32, 3), 0, 5) },
	} {
		if err := tensor.Try(func() error { f(); return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something with %q", err, want)
		}
	}
}

func TestOverlayMarksWhatIsHot(t *testing.T) {
	x := tensor.NewRNG(1).Uniform(tensor.Float32, 0, 1, 3, 6, 8)
	heat := tensor.Zeros(tensor.Float32, 6, 8)
	heat.SetAt(2, 3, 4)
	im := Overlay(Picture(x), heat)
	r, g, b, _ := im.At(4, 3).RGBA()
	if r <= g || r <= b || r < 0xb000 {
		t.Errorf("the hot pixel has the colour %x %x %x", r, g, b)
	}
	if r, g, b, _ := im.At(1, 1).RGBA(); r != g || g != b {
		t.Errorf("a cold pixel has the colour %x %x %x", r, g, b)
	}
}
