package models

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/nn"
)

// builders are the networks by torchvision's names.
func builders() map[string]func(classes int) nn.Layer {
	return map[string]func(classes int) nn.Layer{
		"alexnet":         AlexNet,
		"vgg11":           VGG11,
		"vgg13":           VGG13,
		"vgg16":           VGG16,
		"vgg19":           VGG19,
		"vgg11_bn":        VGG11BN,
		"vgg13_bn":        VGG13BN,
		"vgg16_bn":        VGG16BN,
		"vgg19_bn":        VGG19BN,
		"googlenet":       func(classes int) nn.Layer { return GoogLeNet(classes) },
		"resnet18":        ResNet18,
		"resnet34":        ResNet34,
		"resnet50":        ResNet50,
		"resnet101":       ResNet101,
		"resnet152":       ResNet152,
		"resnext50_32x4d": ResNeXt50,
		"wide_resnet50_2": WideResNet50,
		"densenet121":     DenseNet121,
		"densenet161":     DenseNet161,
		"densenet169":     DenseNet169,
		"densenet201":     DenseNet201,
		"mobilenet_v2":    MobileNetV2,
		"squeezenet1_1":   SqueezeNet,
	}
}

// New returns the network that torchvision calls name, such as "resnet18", for classes classes.
func New(name string, classes int) (nn.Layer, error) {
	build, ok := builders()[name]
	if !ok {
		return nil, fmt.Errorf("models: no network is called %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return build(classes), nil
}

// Names returns the names that [New] knows, sorted.
func Names() []string { return slices.Sorted(maps.Keys(builders())) }
