package jp2

import "math/bits"

// tagTree is a tag tree (B.10.2).
type tagTree struct {
	levels []tagLevel // from the leaves
}

type tagLevel struct {
	width int
	nodes []tagNode
}

type tagNode struct {
	value int // known to be at least this
	known bool
}

func newTagTree(width, height int) *tagTree {
	t := &tagTree{}
	for width > 0 && height > 0 {
		t.levels = append(t.levels, tagLevel{width, make([]tagNode, width*height)})
		if width == 1 && height == 1 {
			break
		}
		width, height = (width+1)/2, (height+1)/2
	}
	return t
}

// decode reads until the value of a leaf is known or is at least the threshold. It returns the value,
// and whether it is known.
func (t *tagTree) decode(r *bitReader, x, y, threshold int) (value int, known bool) {
	low := 0
	for i := len(t.levels) - 1; i >= 0; i-- {
		n := &t.levels[i].nodes[(y>>i)*t.levels[i].width+x>>i]
		n.value = max(n.value, low)
		for !n.known && n.value < threshold {
			if r.bit() == 1 {
				n.known = true
			} else {
				n.value++
			}
		}
		low = n.value
		value, known = n.value, n.known
	}
	return value, known
}

// bitReader reads the header of a packet. After a byte FF a bit is stuffed (B.10.1).
type bitReader struct {
	data   []byte
	at     int
	buffer byte
	left   int
	failed bool
}

func (r *bitReader) bit() int {
	if r.left == 0 {
		if r.at == len(r.data) {
			r.failed = true
			return 0
		}
		r.left = 8
		if r.buffer == 0xFF {
			r.left = 7
		}
		r.buffer = r.data[r.at]
		r.at++
	}
	r.left--
	return int(r.buffer >> r.left & 1)
}

func (r *bitReader) bits(n int) (value int) {
	for range n {
		value = value<<1 | r.bit()
	}
	return value
}

// align ends the header, and returns what follows it.
func (r *bitReader) align() []byte {
	if r.buffer == 0xFF && r.at < len(r.data) { // a stuffed byte follows
		r.at++
	}
	return r.data[r.at:]
}

// maxPlanes bounds the bit planes of a code block.
const maxPlanes = 30

// readPackets reads the packets of all resolutions, one for each, and decodes their code blocks. An
// image may end early; then the details are missing.
func readPackets(p parameters, resolutions [][]*band, data []byte) error {
	for _, bands := range resolutions {
		for _, b := range bands {
			if b.bits > maxPlanes {
				return ErrUnsupported
			}
		}
	}
	for _, bands := range resolutions {
		if len(data) == 0 {
			return nil
		}
		var err error
		if data, err = readPacket(bands, data); err != nil {
			return err
		}
		for _, b := range bands {
			for _, block := range b.blocks {
				b.decode(block)
			}
		}
	}
	return nil
}

// readPacket reads a packet (B.9), and returns what follows it.
func readPacket(bands []*band, data []byte) ([]byte, error) {
	r := &bitReader{data: data}
	type part struct {
		block  *block
		length int
	}
	var parts []part
	if r.bit() == 1 {
		for _, b := range bands {
			for i, block := range b.blocks {
				x, y := i%b.across, i/b.across
				if value, known := b.included.decode(r, x, y, 1); r.failed || !known || value > 0 {
					continue
				}
				length, ok := b.readInclusion(r, block, x, y)
				if !ok {
					return nil, ErrMalformed
				}
				parts = append(parts, part{block, length})
			}
		}
	}
	if r.failed {
		return nil, ErrMalformed
	}
	data = r.align()
	for _, part := range parts {
		if part.length > len(data) {
			return nil, ErrMalformed
		}
		part.block.data, data = data[:part.length], data[part.length:]
	}
	return data, nil
}

// readInclusion reads the rest of the header about a code block: the bit planes that are zero, the
// number of passes and the length of the data.
func (b *band) readInclusion(r *bitReader, block *block, x, y int) (length int, ok bool) {
	block.seen = true
	for threshold := 1; ; threshold++ {
		value, known := b.zeroPlanes.decode(r, x, y, threshold)
		if r.failed || value > b.bits {
			return 0, false
		}
		if known {
			block.zero = value
			break
		}
	}
	block.passes = readPasses(r)
	for r.bit() == 1 {
		block.lblock++
		if r.failed || block.lblock > 30 {
			return 0, false
		}
	}
	length = r.bits(block.lblock + bits.Len(uint(block.passes)) - 1)
	return length, !r.failed && block.passes <= max(3*(b.bits-block.zero)-2, 0)
}

// readPasses reads the number of coding passes (Table B.4).
func readPasses(r *bitReader) int {
	switch {
	case r.bit() == 0:
		return 1
	case r.bit() == 0:
		return 2
	}
	if n := r.bits(2); n < 3 {
		return 3 + n
	}
	if n := r.bits(5); n < 31 {
		return 6 + n
	}
	return 37 + r.bits(7)
}
