package models

import (
	"fmt"

	"github.com/gradus-ml/gradus/nn"
)

// ResNet18V2 returns the second form of the residual network of 18 layers, with batch norm and ReLU in front of each convolution, so that
// shortcuts reach from the first unit to the last (He et al., "Identity mappings in deep residual networks", 2016), which torchvision
// doesn't have; 11,687,720 parameters for 1000 classes.
func ResNet18V2(classes int) nn.Layer { return resNetV2([4]int{2, 2, 2, 2}, false, classes) }

// ResNet34V2 is [ResNet18V2] with 34 layers; 21,795,880 parameters.
func ResNet34V2(classes int) nn.Layer { return resNetV2([4]int{3, 4, 6, 3}, false, classes) }

// ResNet50V2 is [ResNet18V2] with 50 layers in bottleneck units; 25,549,352 parameters.
func ResNet50V2(classes int) nn.Layer { return resNetV2([4]int{3, 4, 6, 3}, true, classes) }

// resNetV2 is [resNet] in the second form: its units are those of [CIFARResNet], and what ends each unit there ends the network here.
func resNetV2(units [4]int, bottleneck bool, classes int) nn.Layer {
	cfg, expansion := CIFARConfig{PreActivation: true, Bottleneck: bottleneck}, 1
	if bottleneck {
		expansion = 4
	}
	net := nn.NewNamed().
		Add("conv1", nn.Conv2DConfig{In: 3, Out: 64, Kernel: 7, Stride: 2, Pad: 3, NoBias: true, Init: heFanIn}.New()).
		Add("maxpool", nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1}.Max())
	in := 64
	for stage, n := range units {
		s := nn.Seq()
		for i := range n {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			width := 64 << stage
			s.Layers = append(s.Layers, cfg.unit(in, width, width*expansion, stride, stage+i == 0))
			in = width * expansion
		}
		net.Add(fmt.Sprintf("layer%d", stage+1), s)
	}
	return net.Add("bn1", nn.NewBatchNorm(in)).Add("relu", nn.ReLU()).
		Add("avgpool", nn.AdaptiveAvgPool2D(1, 1)).Add("flatten", nn.Flatten()).Add("fc", nn.NewLinear(in, classes))
}
