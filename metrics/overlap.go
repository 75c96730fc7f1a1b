package metrics

import "math"

// IoU returns, for each class, in how much of what is or was taken for it both agree: tp / (tp + fp + fn), the intersection over the union
// (Jaccard, 1901). It is NaN for a class that neither occurs nor was predicted.
func (m *Confusion) IoU() []float64 {
	return m.overlaps(func(both, either float64) float64 { return ratio(both, either) })
}

// Dice returns, for each class, 2·tp / (2·tp + fp + fn), which is its F1 score (Dice, 1945). It is NaN for a class that neither occurs
// nor was predicted.
func (m *Confusion) Dice() []float64 {
	return m.overlaps(func(both, either float64) float64 { return ratio(2*both, both+either) })
}

// overlaps calls f for each class with how many examples have it in truth and prediction, and in one of them at least.
func (m *Confusion) overlaps(f func(both, either float64) float64) []float64 {
	out := make([]float64, m.classes)
	for c := range out {
		both := float64(m.counts[c*m.classes+c])
		either := -both
		for other := range m.classes {
			either += float64(m.counts[c*m.classes+other] + m.counts[other*m.classes+c])
		}
		out[c] = f(both, either)
	}
	return out
}

// MeanIoU is the mean over classes of [Confusion.IoU], the usual figure of segmentation. It implements [Metric].
type MeanIoU struct{ Confusion }

// NewMeanIoU returns the metric for the given number of classes, at least 2, the background among them. Predictions are scores (N, C, H,
// W) and targets classes (N, H, W), or as for [NewAccuracy]; pixels labelled −100 count for nothing.
func NewMeanIoU(classes int) *MeanIoU { return &MeanIoU{*NewConfusion(classes)} }

// Name returns "mean_iou".
func (m *MeanIoU) Name() string { return "mean_iou" }

// Value returns the mean over the classes that occur or were predicted, from 0 to 1; NaN if there are none.
func (m *MeanIoU) Value() float64 { return meanKnown(m.IoU()) }

// MeanDice is the mean over classes of [Confusion.Dice]. It implements [Metric].
type MeanDice struct{ Confusion }

// NewMeanDice returns the metric; classes, predictions and targets are those of [NewMeanIoU].
func NewMeanDice(classes int) *MeanDice { return &MeanDice{*NewConfusion(classes)} }

// Name returns "mean_dice".
func (m *MeanDice) Name() string { return "mean_dice" }

// Value returns the mean over the classes that occur or were predicted, from 0 to 1; NaN if there are none.
func (m *MeanDice) Value() float64 { return meanKnown(m.Dice()) }

// PixelAccuracy is the share of pixels that were given their class. It implements [Metric].
type PixelAccuracy struct{ *Accuracy }

// NewPixelAccuracy returns the metric; predictions and targets are those of [NewMeanIoU].
func NewPixelAccuracy() PixelAccuracy { return PixelAccuracy{NewAccuracy()} }

// Name returns "pixel_accuracy".
func (m PixelAccuracy) Name() string { return "pixel_accuracy" }

// meanKnown returns the mean of the figures that aren't NaN.
func meanKnown(figures []float64) float64 {
	sum, n := 0.0, 0.0
	for _, f := range figures {
		if !math.IsNaN(f) {
			sum, n = sum+f, n+1
		}
	}
	return ratio(sum, n)
}
