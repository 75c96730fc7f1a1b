package box

import "math"

// IoU returns the intersection of a and b over their union (the Jaccard index), from 0 to 1; 0 if both are empty.
func IoU(a, b Box) float64 {
	w := math.Min(a.X2, b.X2) - math.Max(a.X1, b.X1)
	h := math.Min(a.Y2, b.Y2) - math.Max(a.Y1, b.Y1)
	if !(w > 0 && h > 0) {
		return 0
	}
	return w * h / (a.Area() + b.Area() - w*h)
}

// GIoU returns IoU less the part of the enclosing box that neither covers, from −1 to 1: it still tells how far apart boxes are that
// don't touch (Rezatofighi and others, "Generalized intersection over union", 2019).
func GIoU(a, b Box) float64 {
	hull := a.Enclose(b).Area()
	if hull == 0 {
		return IoU(a, b)
	}
	union := a.Area() + b.Area() - a.Intersect(b).Area()
	return IoU(a, b) - (hull-union)/hull
}

// DIoU returns IoU less the squared distance of the centres over that of the enclosing box's corners, from −1 to 1 (Zheng and others,
// "Distance-IoU loss", 2020).
func DIoU(a, b Box) float64 {
	hull := a.Enclose(b)
	dx, dy := hull.X2-hull.X1, hull.Y2-hull.Y1
	diagonal := dx*dx + dy*dy
	if diagonal == 0 {
		return IoU(a, b)
	}
	ax, ay := a.Center()
	bx, by := b.Center()
	return IoU(a, b) - ((ax-bx)*(ax-bx)+(ay-by)*(ay-by))/diagonal
}

// CIoU returns DIoU less α·v, where v = 4/π²·(atan(w_a/h_a) − atan(w_b/h_b))² measures how the aspects differ and
// α = v/(1 − IoU + v) how much that counts (the same paper).
func CIoU(a, b Box) float64 {
	angle := math.Atan2(a.Width(), a.Height()) - math.Atan2(b.Width(), b.Height())
	v := 4 / (math.Pi * math.Pi) * angle * angle
	if v == 0 {
		return DIoU(a, b)
	}
	return DIoU(a, b) - v*v/(1-IoU(a, b)+v)
}

// IoUs returns the IoU of each box of a (a row) with each of b (a column).
func IoUs(a, b []Box) [][]float64 {
	rows, all := make([][]float64, len(a)), make([]float64, len(a)*len(b))
	for i := range a {
		rows[i] = all[i*len(b) : (i+1)*len(b) : (i+1)*len(b)]
		for j := range b {
			rows[i][j] = IoU(a[i], b[j])
		}
	}
	return rows
}
