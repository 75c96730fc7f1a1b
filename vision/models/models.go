// Package models holds the networks of computer vision, built as the papers' tables read.
//
// Those that torchvision has too bear its names, and the keys of its state dictionaries, so its weights load:
//
//	net := models.ResNet18(1000)
//	weights, err := safetensors.Load("resnet18.safetensors")
//	err = models.LoadWeights(net, weights)
//	models.ReplaceHead(net, 10, 42) // the ten classes of another task
//
// A builder returns layers without values; nn.Init or nn.LoadState gives them. Networks take images (N, 3, H, W) and return
// logits (N, classes), unless they say otherwise.
package models
