package omniglot

// shrinker reduces drawings by averaging: a pixel of the result is the mean of the area that it covers, whole pixels and parts of them.
type shrinker struct {
	side  int
	first []int       // the first pixel of the original that an output pixel covers
	share [][]float32 // how much of that and the following ones belongs to it, in all 1
	rows  []float32   // the drawing with its rows reduced
}

func newShrinker(side int) *shrinker {
	s := &shrinker{side: side, rows: make([]float32, side*Side)}
	for i := range side {
		// In units of 1/side of a pixel, so that all is exact: output i covers i·105 to (i+1)·105, pixel j covers j·side to (j+1)·side.
		lo, hi := i*Side, (i+1)*Side
		first := lo / side
		var share []float32
		for j := first; j*side < hi; j++ {
			share = append(share, float32(min(hi, (j+1)*side)-max(lo, j*side))/Side)
		}
		s.first, s.share = append(s.first, first), append(s.share, share)
	}
	return s
}

// shrink writes the drawing in black on white as side×side pixels from 0 (paper) to 255 (ink).
func (s *shrinker) shrink(to, from []uint8) {
	if s.side == Side {
		for i, v := range from {
			to[i] = 255 - v
		}
		return
	}
	for x := range s.side {
		for y := range Side {
			sum, row := float32(0), from[y*Side+s.first[x]:]
			for k, w := range s.share[x] {
				sum += w * float32(row[k])
			}
			s.rows[x*Side+y] = sum
		}
	}
	for y := range s.side {
		for x := range s.side {
			sum, column := float32(0), s.rows[x*Side+s.first[y]:]
			for k, w := range s.share[y] {
				sum += w * column[k]
			}
			to[y*s.side+x] = 255 - uint8(min(sum+0.5, 255))
		}
	}
}
