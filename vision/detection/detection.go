// Package detection finds objects in images: what a one-stage detector gives and how it learns that ([Head], [YOLO]), networks that look at
// proposed regions ([RegionNet]), the target of localisation ([Localization]) and of YOLO as the course draws it ([Grid]), and how good a
// detector is ([AP]).
//
//	head := detection.HeadConfig{In: 128, Anchors: len(anchors), Classes: 3, Stride: 16}.New()
//	net := nn.Seq(backbone, head)
//	nn.Init(net, 1)
//	head.SetAnchors(anchors) // such as box.KMeansAnchors of the training boxes
//	loss := detection.YOLO{Head: head}.New().Loss
//	… train with batches X (N, 3, H, W), Y (N, M, 5) …
//	found := head.Boxes(net.Forward(nn.Eval(), images), detection.DetectConfig{})
//
// Targets are rows [class, x1, y1, x2, y2] in pixels of the input, (N, M, 5) for a batch; an image with fewer than M objects has rows of
// class −1.
package detection
