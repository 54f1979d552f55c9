package registry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// bucketCount is the number of buckets. All entries about a row are in one bucket, so
// that the rows can be checked one bucket at a time.
const bucketCount = 1024

// chunkSize is the size at which the buffer of a bucket becomes a chunk.
const chunkSize = 16 << 10

// spill stores entries about rows in buckets, in a file or in memory. It is safe for
// concurrent use, except for mark, reset and load.
type spill struct {
	buckets [bucketCount]bucket

	mu     sync.Mutex // guards file and length
	file   *os.File   // nil: in memory
	length int64      // of the file
	key    []byte     // authenticates the chunks of the file
}

// bucket contains the entries of some rows.
type bucket struct {
	mu     sync.Mutex
	buffer []byte // not in a chunk yet
	chunks []chunk
}

// chunk is a part of a bucket: its data, or where it is in the file.
type chunk struct {
	data   []byte
	offset int64
}

// chunkHeader precedes a chunk in the file: the bucket, the size of the data, and a MAC.
const chunkHeader = 2 + 4 + 16

var errSpill = fmt.Errorf("%w: the file of entries was altered", ErrCheckpoint)

// bucketOf returns the bucket of a row.
func bucketOf(row [16]byte) int { return int(binary.BigEndian.Uint16(row[:])) % bucketCount }

// add appends an entry to a bucket.
func (s *spill) add(n int, entry []byte) error {
	b := &s.buckets[n]
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buffer = append(b.buffer, entry...)
	if len(b.buffer) < chunkSize {
		return nil
	}
	return s.flush(n)
}

// flush turns the buffer of a bucket into a chunk.
func (s *spill) flush(n int) error {
	b := &s.buckets[n]
	if len(b.buffer) == 0 {
		return nil
	}
	if s.file == nil {
		b.chunks, b.buffer = append(b.chunks, chunk{data: slices.Clip(b.buffer)}), nil
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	header := binary.BigEndian.AppendUint16(nil, uint16(n))
	header = binary.BigEndian.AppendUint32(header, uint32(len(b.buffer)))
	header = append(header, s.tag(s.length, n, b.buffer)...)
	if _, err := s.file.WriteAt(append(header, b.buffer...), s.length); err != nil {
		return err
	}
	b.chunks = append(b.chunks, chunk{offset: s.length})
	s.length += int64(len(header) + len(b.buffer))
	b.buffer = b.buffer[:0]
	return nil
}

func (s *spill) tag(offset int64, n int, data []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(encodeNumber(offset))
	mac.Write(encodeNumber(int64(n)))
	mac.Write(data)
	return mac.Sum(nil)[:16]
}

// mark is a state of a spill to which it can be reset.
type mark struct {
	length int64
	chunks [bucketCount]int
}

// mark flushes all buffers and returns the state.
func (s *spill) mark() (m mark, err error) {
	for n := range s.buckets {
		if err := s.flush(n); err != nil {
			return m, err
		}
		m.chunks[n] = len(s.buckets[n].chunks)
	}
	m.length = s.length
	return m, nil
}

// reset removes all entries that were added after a mark.
func (s *spill) reset(m mark) {
	for n := range s.buckets {
		b := &s.buckets[n]
		b.buffer, b.chunks = nil, b.chunks[:m.chunks[n]]
	}
	s.length = m.length
}

// restore finds the chunks in the first length bytes of the file.
func (s *spill) restore(length int64) error {
	for s.length < length {
		n, size, _, err := s.header(s.length)
		if err != nil {
			return err
		}
		s.buckets[n].chunks = append(s.buckets[n].chunks, chunk{offset: s.length})
		s.length += chunkHeader + int64(size)
	}
	if s.length != length {
		return errSpill
	}
	return nil
}

// header reads the header of the chunk at an offset of the file.
func (s *spill) header(offset int64) (n, size int, tag []byte, err error) {
	b := make([]byte, chunkHeader)
	if _, err := s.file.ReadAt(b, offset); err != nil {
		return 0, 0, nil, errors.Join(errSpill, err)
	}
	n, size = int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint32(b[2:]))
	if n >= bucketCount || size < 0 || size > 2*chunkSize {
		return 0, 0, nil, errSpill
	}
	return n, size, b[6:], nil
}

// load returns the entries of a bucket.
func (s *spill) load(n int) ([]byte, error) {
	b := &s.buckets[n]
	var all []byte
	for _, c := range b.chunks {
		if s.file == nil {
			all = append(all, c.data...)
			continue
		}
		_, size, tag, err := s.header(c.offset)
		if err != nil {
			return nil, err
		}
		data := make([]byte, size)
		if _, err := s.file.ReadAt(data, c.offset+chunkHeader); err != nil && !errors.Is(err, io.EOF) {
			return nil, errors.Join(errSpill, err)
		}
		if !hmac.Equal(tag, s.tag(c.offset, n, data)) {
			return nil, errSpill
		}
		all = append(all, data...)
	}
	return append(all, b.buffer...), nil
}
