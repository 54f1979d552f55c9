package jp2

// This file decodes code blocks (Annex D) with the arithmetic decoder (Annex C).

// State of a coefficient.
const (
	significant = 1 << iota
	visited     // in this bit plane
	refined
	negative
)

// Contexts of the arithmetic decoder (Table D.1 to D.5).
const (
	contextSign      = 9
	contextMagnitude = 14
	contextRun       = 17
	contextUniform   = 18
	contexts         = 19
)

// coder decodes a code block. Its arrays have a border of one coefficient.
type coder struct {
	mq     mqDecoder
	kind   int // of the sub-band
	width  int
	height int
	stride int
	flags  []uint8
	values []int32 // magnitudes in halves, each in the middle of the range that is known so far
}

// decode decodes a code block into the band.
func (b *band) decode(block *block) {
	if !block.seen || block.passes == 0 || len(block.data) == 0 {
		return
	}
	c := &coder{kind: b.kind, width: block.width, height: block.height, stride: block.width + 2}
	c.flags = make([]uint8, c.stride*(block.height+2))
	c.values = make([]int32, c.stride*(block.height+2))
	c.mq.start(block.data)
	plane := b.bits - 1 - block.zero
	for pass := range block.passes {
		switch (pass + 2) % 3 { // the first pass is a cleanup pass
		case 0:
			c.significance(plane)
		case 1:
			c.refinement(plane)
		case 2:
			c.cleanup(plane)
			for i := range c.flags {
				c.flags[i] &^= visited
			}
			plane--
		}
	}
	for y := range block.height {
		for x := range block.width {
			i := c.index(x, y)
			v := c.values[i] / 2
			if c.flags[i]&negative != 0 {
				v = -v
			}
			b.values[(block.y+y)*b.width+block.x+x] = v
		}
	}
}

func (c *coder) index(x, y int) int { return (y+1)*c.stride + x + 1 }

// stripes calls visit for each coefficient in the order of the standard: stripes of four rows, and in
// them columns.
func (c *coder) stripes(visit func(i int)) {
	for top := 0; top < c.height; top += 4 {
		for x := range c.width {
			for y := top; y < min(top+4, c.height); y++ {
				visit(c.index(x, y))
			}
		}
	}
}

// neighbours counts the significant neighbours: horizontal, vertical and diagonal ones.
func (c *coder) neighbours(i int) (h, v, d int) {
	f := func(i int) int { return int(c.flags[i] & significant) }
	h = f(i-1) + f(i+1)
	v = f(i-c.stride) + f(i+c.stride)
	d = f(i-c.stride-1) + f(i-c.stride+1) + f(i+c.stride-1) + f(i+c.stride+1)
	return h, v, d
}

// zeroContext returns the context for the significance of a coefficient (Table D.1).
func (c *coder) zeroContext(i int) int {
	h, v, d := c.neighbours(i)
	if c.kind == 3 { // HH
		switch hv := h + v; {
		case d >= 3:
			return 8
		case d == 2:
			return 6 + min(hv, 1)
		case d == 1:
			return 3 + min(hv, 2)
		default:
			return min(hv, 2)
		}
	}
	if c.kind == 1 { // HL
		h, v = v, h
	}
	switch {
	case h == 2:
		return 8
	case h == 1 && v >= 1:
		return 7
	case h == 1 && d >= 1:
		return 6
	case h == 1:
		return 5
	case v == 2:
		return 4
	case v == 1:
		return 3
	default:
		return min(d, 2)
	}
}

// sign decodes the sign of a coefficient that becomes significant (D.3.2), and sets its value.
func (c *coder) sign(i, plane int) {
	contribution := func(a, b int) int {
		sum := 0
		for _, n := range [2]int{a, b} {
			switch {
			case c.flags[n]&significant == 0:
			case c.flags[n]&negative != 0:
				sum--
			default:
				sum++
			}
		}
		return min(max(sum, -1), 1)
	}
	h, v := contribution(i-1, i+1), contribution(i-c.stride, i+c.stride)
	flip := 0
	if h < 0 || h == 0 && v < 0 {
		h, v, flip = -h, -v, 1
	}
	context := contextSign // h = v = 0
	switch {
	case h == 1:
		context = contextSign + 3 + v
	case v == 1:
		context = contextSign + 1
	}
	if c.mq.decode(context)^flip == 1 {
		c.flags[i] |= negative
	}
	c.flags[i] |= significant
	c.values[i] = 3 << plane // in halves: 1.5 times the plane's value
}

// significance is the significance propagation pass (D.3.1).
func (c *coder) significance(plane int) {
	c.stripes(func(i int) {
		if c.flags[i]&significant != 0 {
			return
		}
		context := c.zeroContext(i)
		if context == 0 {
			return
		}
		c.flags[i] |= visited
		if c.mq.decode(context) == 1 {
			c.sign(i, plane)
		}
	})
}

// refinement is the magnitude refinement pass (D.3.3).
func (c *coder) refinement(plane int) {
	c.stripes(func(i int) {
		if c.flags[i]&(significant|visited) != significant {
			return
		}
		context := contextMagnitude + 2
		if c.flags[i]&refined == 0 {
			h, v, d := c.neighbours(i)
			context = contextMagnitude + min(h+v+d, 1)
		}
		if c.mq.decode(context) == 1 {
			c.values[i] += 1 << plane
		} else {
			c.values[i] -= 1 << plane
		}
		c.flags[i] |= refined
	})
}

// cleanup is the cleanup pass (D.3.4).
func (c *coder) cleanup(plane int) {
	for top := 0; top < c.height; top += 4 {
		for x := range c.width {
			y := top
			if top+4 <= c.height && c.quiet(x, top) {
				if c.mq.decode(contextRun) == 0 {
					continue
				}
				y += c.mq.decode(contextUniform)<<1 | c.mq.decode(contextUniform)
				c.sign(c.index(x, y), plane)
				y++
			}
			for ; y < min(top+4, c.height); y++ {
				i := c.index(x, y)
				if c.flags[i]&(significant|visited) == 0 && c.mq.decode(c.zeroContext(i)) == 1 {
					c.sign(i, plane)
				}
			}
		}
	}
}

// quiet reports whether a column of four coefficients and all its neighbours are insignificant and
// unvisited.
func (c *coder) quiet(x, top int) bool {
	for y := top; y < top+4; y++ {
		i := c.index(x, y)
		if c.flags[i]&(significant|visited) != 0 || c.zeroContext(i) != 0 {
			return false
		}
	}
	return true
}

// mqDecoder is the arithmetic decoder (C.3).
type mqDecoder struct {
	data  []byte
	at    int
	a, c  uint32
	count int
	index [contexts]uint8
	mps   [contexts]uint8
}

// mqState is a row of Table C.2.
type mqState struct {
	qe         uint32
	nmps, nlps uint8
	flip       uint8
}

func (m *mqDecoder) start(data []byte) {
	*m = mqDecoder{data: data}
	m.index[0], m.index[contextRun], m.index[contextUniform] = 4, 3, 46 // Table D.7
	m.c = uint32(m.byteAt(0)) << 16
	m.next()
	m.c <<= 7
	m.count -= 7
	m.a = 0x8000
}

// byteAt returns a byte of the data, which is followed by bytes FF.
func (m *mqDecoder) byteAt(i int) byte {
	if i < len(m.data) {
		return m.data[i]
	}
	return 0xFF
}

// next reads a byte (BYTEIN).
func (m *mqDecoder) next() {
	if m.byteAt(m.at) == 0xFF {
		if m.byteAt(m.at+1) > 0x8F {
			m.c += 0xFF00
			m.count = 8
			return
		}
		m.at++
		m.c += uint32(m.byteAt(m.at)) << 9
		m.count = 7
		return
	}
	m.at++
	m.c += uint32(m.byteAt(m.at)) << 8
	m.count = 8
}

// decode decodes a decision (DECODE).
func (m *mqDecoder) decode(context int) int {
	state := &mqStates[m.index[context]]
	decision := int(m.mps[context])
	m.a -= state.qe
	if m.c>>16 < state.qe { // the lower part is exchanged
		if m.a < state.qe {
			m.index[context] = state.nmps
		} else {
			decision = 1 - decision
			m.mps[context] ^= state.flip
			m.index[context] = state.nlps
		}
		m.a = state.qe
		m.renormalize()
		return decision
	}
	m.c -= state.qe << 16
	if m.a&0x8000 != 0 {
		return decision
	}
	if m.a < state.qe {
		decision = 1 - decision
		m.mps[context] ^= state.flip
		m.index[context] = state.nlps
	} else {
		m.index[context] = state.nmps
	}
	m.renormalize()
	return decision
}

func (m *mqDecoder) renormalize() {
	for {
		if m.count == 0 {
			m.next()
		}
		m.a <<= 1
		m.c <<= 1
		m.count--
		if m.a&0x8000 != 0 {
			return
		}
	}
}

var mqStates = [47]mqState{
	{0x5601, 1, 1, 1}, {0x3401, 2, 6, 0}, {0x1801, 3, 9, 0}, {0x0AC1, 4, 12, 0}, {0x0521, 5, 29, 0}, {0x0221, 38, 33, 0},
	{0x5601, 7, 6, 1}, {0x5401, 8, 14, 0}, {0x4801, 9, 14, 0}, {0x3801, 10, 14, 0}, {0x3001, 11, 17, 0}, {0x2401, 12, 18, 0},
	{0x1C01, 13, 20, 0}, {0x1601, 29, 21, 0}, {0x5601, 15, 14, 1}, {0x5401, 16, 14, 0}, {0x5101, 17, 15, 0}, {0x4801, 18, 16, 0},
	{0x3801, 19, 17, 0}, {0x3401, 20, 18, 0}, {0x3001, 21, 19, 0}, {0x2801, 22, 19, 0}, {0x2401, 23, 20, 0}, {0x2201, 24, 21, 0},
	{0x1C01, 25, 22, 0}, {0x1801, 26, 23, 0}, {0x1601, 27, 24, 0}, {0x1401, 28, 25, 0}, {0x1201, 29, 26, 0}, {0x1101, 30, 27, 0},
	{0x0AC1, 31, 28, 0}, {0x09C1, 32, 29, 0}, {0x08A1, 33, 30, 0}, {0x0521, 34, 31, 0}, {0x0441, 35, 32, 0}, {0x02A1, 36, 33, 0},
	{0x0221, 37, 34, 0}, {0x0141, 38, 35, 0}, {0x0111, 39, 36, 0}, {0x0085, 40, 37, 0}, {0x0049, 41, 38, 0}, {0x0025, 42, 39, 0},
	{0x0015, 43, 40, 0}, {0x0009, 44, 41, 0}, {0x0005, 45, 42, 0}, {0x0001, 45, 43, 0}, {0x5601, 46, 46, 0},
}
