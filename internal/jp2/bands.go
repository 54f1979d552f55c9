package jp2

import "image"

// band is a sub-band of the wavelet (B.5).
type band struct {
	kind       int // 0 LL, 1 HL, 2 LH, 3 HH
	width      int
	height     int
	bits       int // magnitude bit planes
	blocks     []*block
	across     int // code blocks in a row
	included   *tagTree
	zeroPlanes *tagTree
	values     []int32
	blockW     int
	blockH     int
}

// block is a code block (B.7).
type block struct {
	x, y, width, height int
	seen                bool // it was included in a packet
	zero                int  // bit planes that are zero
	lblock              int  // see B.10.7.1
	passes              int
	data                []byte
}

func ceilShift(n, shift int) int { return (n + 1<<shift - 1) >> shift }

// newBands returns the sub-bands of each resolution, from the lowest one.
func newBands(p parameters) [][]*band {
	resolutions := make([][]*band, p.levels+1)
	for r := range resolutions {
		kinds := []int{1, 2, 3}
		level := p.levels - r + 1
		if r == 0 {
			kinds, level = []int{0}, p.levels
		}
		for _, kind := range kinds {
			b := &band{kind: kind, blockW: p.blockW, blockH: p.blockH}
			// B-15, with the origin at 0.
			half := func(n, odd int) int {
				if level == 0 {
					return n
				}
				return ceilShift(max(n-odd<<(level-1), 0), level)
			}
			b.width, b.height = half(p.width, kind&1), half(p.height, kind>>1)
			exponent := 0
			if r > 0 {
				exponent = 3*(r-1) + kind
			}
			b.bits = p.guard + p.exponents[exponent] - 1 // E-2
			b.split()
			resolutions[r] = append(resolutions[r], b)
		}
	}
	return resolutions
}

// split makes the code blocks.
func (b *band) split() {
	b.values = make([]int32, b.width*b.height)
	b.across = ceilShift(b.width, b.blockW)
	down := ceilShift(b.height, b.blockH)
	for y := range down {
		for x := range b.across {
			left, top := x<<b.blockW, y<<b.blockH
			b.blocks = append(b.blocks, &block{
				x: left, y: top, width: min(1<<b.blockW, b.width-left), height: min(1<<b.blockH, b.height-top), lblock: 3,
			})
		}
	}
	b.included, b.zeroPlanes = newTagTree(b.across, down), newTagTree(b.across, down)
}

// reconstruct applies the inverse wavelet, and returns the image.
func reconstruct(p parameters, resolutions [][]*band) *image.Gray {
	low := resolutions[0][0]
	values, width, height := low.values, low.width, low.height
	for r := 1; r < len(resolutions); r++ {
		shift := p.levels - r
		fullW, fullH := ceilShift(p.width, shift), ceilShift(p.height, shift)
		bands := resolutions[r]
		values = inverse(values, width, height, bands[0], bands[1], bands[2], fullW, fullH)
		width, height = fullW, fullH
	}
	picture := image.NewGray(image.Rect(0, 0, width, height))
	for i, v := range values {
		picture.Pix[i] = byte(min(max(v+128, 0), 255)) // G.1: the level shift
	}
	return picture
}

// inverse combines four sub-bands to the next resolution (F.3).
func inverse(ll []int32, w, h int, hl, lh, hh *band, width, height int) []int32 {
	out := make([]int32, width*height)
	place := func(values []int32, bandW, bandH, dx, dy int) {
		for y := range bandH {
			for x := range bandW {
				out[(2*y+dy)*width+2*x+dx] = values[y*bandW+x]
			}
		}
	}
	place(ll, w, h, 0, 0)
	place(hl.values, hl.width, hl.height, 1, 0)
	place(lh.values, lh.width, lh.height, 0, 1)
	place(hh.values, hh.width, hh.height, 1, 1)
	for y := range height {
		lift(out[y*width:], width, 1)
	}
	for x := range width {
		lift(out[x:], height, width)
	}
	return out
}

// lift is the one-dimensional inverse 5/3 wavelet (F.3.8.2.1.1) on n values, each stride apart.
func lift(v []int32, n, stride int) {
	if n == 1 {
		return
	}
	at := func(i int) int32 { // symmetric extension
		if i < 0 {
			i = -i
		}
		if i >= n {
			i = 2*(n-1) - i
		}
		return v[i*stride]
	}
	for i := 0; i < n; i += 2 {
		v[i*stride] -= (at(i-1) + at(i+1) + 2) >> 2
	}
	for i := 1; i < n; i += 2 {
		v[i*stride] += (at(i-1) + at(i+1)) >> 1
	}
}
