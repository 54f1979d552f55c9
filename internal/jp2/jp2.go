// Package jp2 decodes the photograph of a My Number Card: JPEG 2000 (ISO/IEC 15444-1) with one
// component of 8 bits, one tile, one quality layer, the reversible 5/3 wavelet and code blocks of up
// to 64 × 64. It rejects everything else, so that it stays small, and bounds what an image claims
// about its size.
package jp2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

var (
	// ErrMalformed reports an image that is damaged.
	ErrMalformed = errors.New("malformed JPEG 2000 image")
	// ErrUnsupported reports an image that is not of the kind that cards have.
	ErrUnsupported = errors.New("unsupported kind of JPEG 2000 image")
)

// maxSide bounds the width and the height, in pixels. Those of a card are 378 and 472.
const maxSide = 2048

// Markers of a codestream (Annex A).
const (
	markerSOC = 0xFF4F // start of the codestream
	markerSIZ = 0xFF51 // sizes
	markerCOD = 0xFF52 // coding style
	markerQCD = 0xFF5C // quantization
	markerSOT = 0xFF90 // start of a tile-part
	markerSOD = 0xFF93 // start of its data
	markerEOC = 0xFFD9 // end of the codestream
)

// parameters are those of the codestream's main header.
type parameters struct {
	width, height  int
	levels         int // of the wavelet
	blockW, blockH int // binary logarithms of the code blocks' sizes
	guard          int // bits
	exponents      []int
}

// Decode decodes an image. Its errors match [ErrMalformed] or [ErrUnsupported].
func Decode(file []byte) (*image.Gray, error) {
	codestream, err := findCodestream(file)
	if err != nil {
		return nil, err
	}
	p, data, err := parseCodestream(codestream)
	if err != nil {
		return nil, err
	}
	bands := newBands(p)
	if err := readPackets(p, bands, data); err != nil {
		return nil, err
	}
	return reconstruct(p, bands), nil
}

// findCodestream returns the codestream of a JP2 file (Annex I), or the codestream itself.
func findCodestream(file []byte) ([]byte, error) {
	if len(file) >= 2 && binary.BigEndian.Uint16(file) == markerSOC {
		return file, nil
	}
	for len(file) >= 8 {
		size, header := uint64(binary.BigEndian.Uint32(file)), uint64(8)
		kind := string(file[4:8])
		switch size {
		case 0: // up to the end
			size = uint64(len(file))
		case 1:
			if len(file) < 16 {
				return nil, ErrMalformed
			}
			size, header = binary.BigEndian.Uint64(file[8:]), 16
		}
		if size < header || size > uint64(len(file)) {
			return nil, ErrMalformed
		}
		if kind == "jp2c" {
			return file[header:size], nil
		}
		file = file[size:]
	}
	return nil, fmt.Errorf("%w: no codestream", ErrMalformed)
}

// parseCodestream reads the headers, and returns the data of the tile.
func parseCodestream(b []byte) (p parameters, data []byte, err error) {
	var sized, coded, quantized bool
	if len(b) < 2 || binary.BigEndian.Uint16(b) != markerSOC {
		return p, nil, ErrMalformed
	}
	for b = b[2:]; ; {
		if len(b) < 4 {
			return p, nil, ErrMalformed
		}
		marker, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if size < 2 || size > len(b)-2 {
			return p, nil, ErrMalformed
		}
		segment := b[4 : 2+size]
		switch marker {
		case markerSIZ:
			sized, err = true, p.readSizes(segment)
		case markerCOD:
			coded, err = true, p.readCoding(segment)
		case markerQCD:
			quantized, err = true, p.readQuantization(segment)
		case markerSOT:
			if !sized || !coded || !quantized || len(p.exponents) != 3*p.levels+1 {
				return p, nil, ErrMalformed
			}
			data, err = tileData(b, segment)
			return p, data, err
		case 0xFF53, 0xFF5D, 0xFF5E, 0xFF5F, 0xFF60, 0xFF61: // of single components, regions and packed headers
			return p, nil, ErrUnsupported
		}
		if err != nil {
			return p, nil, err
		}
		b = b[2+size:]
	}
}

// readSizes reads the segment SIZ (A.5.1).
func (p *parameters) readSizes(s []byte) error {
	if len(s) < 34+3 {
		return ErrMalformed
	}
	at := func(i int) uint32 { return binary.BigEndian.Uint32(s[2+4*i:]) }
	width, height := at(0), at(1)
	switch {
	case width == 0 || height == 0:
		return ErrMalformed
	case width > maxSide || height > maxSide:
		return fmt.Errorf("%w: %d × %d pixels", ErrUnsupported, width, height)
	case at(2) != 0 || at(3) != 0 || at(4) < width || at(5) < height || at(6) != 0 || at(7) != 0:
		return fmt.Errorf("%w: more than one tile, or an offset", ErrUnsupported)
	case binary.BigEndian.Uint16(s[34:]) != 1 || s[36] != 7 || len(s) < 39 || s[37] != 1 || s[38] != 1:
		return fmt.Errorf("%w: not one component of 8 bits", ErrUnsupported)
	}
	p.width, p.height = int(width), int(height)
	return nil
}

// readCoding reads the segment COD (A.6.1).
func (p *parameters) readCoding(s []byte) error {
	if len(s) < 10 {
		return ErrMalformed
	}
	p.levels, p.blockW, p.blockH = int(s[5]), int(s[6]&0x0F)+2, int(s[7]&0x0F)+2
	switch {
	case s[0] != 0: // precincts of their own, or markers between packets
		return fmt.Errorf("%w: coding style %02X", ErrUnsupported, s[0])
	case s[1] > 1, binary.BigEndian.Uint16(s[2:]) != 1, s[4] != 0, s[8] != 0, s[9] != 1:
		return fmt.Errorf("%w: progression, layers, component transform, block style or wavelet", ErrUnsupported)
	case p.levels > 32:
		return ErrMalformed
	case p.levels > 8 || p.blockW > 6 || p.blockH > 6:
		return fmt.Errorf("%w: %d levels, blocks of 2^%d × 2^%d", ErrUnsupported, p.levels, p.blockW, p.blockH)
	}
	return nil
}

// readQuantization reads the segment QCD (A.6.4). The reversible wavelet has no step sizes.
func (p *parameters) readQuantization(s []byte) error {
	if len(s) < 1 || s[0]&0x1F != 0 {
		return fmt.Errorf("%w: quantization", ErrUnsupported)
	}
	p.guard, p.exponents = int(s[0]>>5), nil
	for _, b := range s[1:] {
		p.exponents = append(p.exponents, int(b>>3))
	}
	return nil
}

// tileData returns the data of the only tile-part. b begins with its segment SOT.
func tileData(b, segment []byte) ([]byte, error) {
	if len(segment) < 8 {
		return nil, ErrMalformed
	}
	size := uint64(binary.BigEndian.Uint32(segment[2:]))
	if size == 0 {
		size = uint64(len(b))
	}
	if binary.BigEndian.Uint16(segment) != 0 || segment[6] != 0 || segment[7] > 1 {
		return nil, fmt.Errorf("%w: more than one tile-part", ErrUnsupported)
	}
	if size < 14 || size > uint64(len(b)) {
		return nil, ErrMalformed
	}
	b = b[12:size]
	if binary.BigEndian.Uint16(b) != markerSOD {
		return nil, fmt.Errorf("%w: markers in the tile-part", ErrUnsupported)
	}
	return b[2:], nil
}
