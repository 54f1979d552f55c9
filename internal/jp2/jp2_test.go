package jp2_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/jp2"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/internal/peertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// openJPEG runs a program of OpenJPEG, or skips the test.
func openJPEG(t testing.TB, program string, arguments ...string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		pcscdtest.Skip(t, program+" is not installed")
	}
	out, err := exec.Command(program, arguments...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// decompressed returns the pixels that OpenJPEG decodes.
func decompressed(t testing.TB, file string, pixels int) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "decoded.pgm")
	openJPEG(t, "opj_decompress", "-i", file, "-o", out)
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	return content[len(content)-pixels:]
}

// compressed returns an image that OpenJPEG encodes.
func compressed(t testing.TB, picture *image.Gray, arguments ...string) (file string, content []byte) {
	t.Helper()
	folder := t.TempDir()
	pgm, jp2 := filepath.Join(folder, "picture.pgm"), filepath.Join(folder, "picture.jp2")
	size := picture.Bounds().Size()
	require.NoError(t, os.WriteFile(pgm, append(fmt.Appendf(nil, "P5\n%d %d\n255\n", size.X, size.Y), picture.Pix...), 0o600))
	openJPEG(t, "opj_compress", append([]string{"-i", pgm, "-o", jp2}, arguments...)...)
	content, err := os.ReadFile(jp2)
	require.NoError(t, err)
	return jp2, content
}

// pictures have what is hard to encode: noise, edges, gradients, and one color.
func pictures() map[string]*image.Gray {
	random := rand.New(rand.NewPCG(1, 2))
	list := map[string]*image.Gray{}
	for _, size := range []image.Point{{378, 472}, {1, 1}, {1, 9}, {7, 1}, {2, 2}, {64, 64}, {65, 63}, {129, 200}} {
		for kind, shade := range map[string]func(x, y int) int{
			"noise":    func(int, int) int { return random.IntN(256) },
			"edges":    func(x, y int) int { return (x/7 + y/5) % 2 * 255 },
			"gradient": func(x, y int) int { return (x + 2*y) % 256 },
			"white":    func(int, int) int { return 255 },
		} {
			p := image.NewGray(image.Rectangle{Max: size})
			for i := range p.Pix {
				p.Pix[i] = byte(shade(i%size.X, i/size.X))
			}
			list[fmt.Sprintf("%s %v", kind, size)] = p
		}
	}
	return list
}

// Every picture decodes to what OpenJPEG decodes, whether it is complete or was cut to a size.
func TestDecodesLikeOpenJPEG(t *testing.T) {
	for name, picture := range pictures() {
		for _, arguments := range [][]string{{"-n", "6"}, {"-n", "1"}, {"-n", "3", "-b", "32,16"}, {"-n", "6", "-r", "20"}, {"-n", "5", "-r", "60"}} {
			if size := picture.Bounds().Size(); min(size.X, size.Y) < 32 && arguments[1] != "1" {
				continue // OpenJPEG wants no more levels than the size allows
			}
			t.Run(fmt.Sprint(name, " ", arguments), func(t *testing.T) {
				file, content := compressed(t, picture, arguments...)
				decoded, err := jp2.Decode(content)
				require.NoError(t, err)
				require.Equal(t, picture.Bounds(), decoded.Bounds())
				assert.True(t, bytes.Equal(decompressed(t, file, len(picture.Pix)), decoded.Pix))
				if len(arguments) == 2 {
					assert.True(t, bytes.Equal(picture.Pix, decoded.Pix), "without loss")
				}
			})
		}
	}
}

// The simulator's photograph decodes to the same pixels as with OpenJPEG 2.5, in any environment.
func TestSimulatorsPhotograph(t *testing.T) {
	decoded, err := jp2.Decode(simulator.DefaultPersona().Photo)
	require.NoError(t, err)
	assert.Equal(t, image.Rect(0, 0, 378, 472), decoded.Bounds())
	sum := sha256.Sum256(decoded.Pix)
	assert.Equal(t, "bbf7d36cd7823577befe1971d7896bcd55cacc03730ea7fc724633175c4fe16a", hex.EncodeToString(sum[:]))
}

// The photograph of J-LIS's test card decodes to the same pixels as with OpenJPEG.
func TestPeerPhotographOfATestCard(t *testing.T) {
	file := peertest.File(t, "surface-0002.bin")
	at := bytes.Index(file, []byte{0xDF, 0x27, 0x82})
	photo := file[at+5:][:binary.BigEndian.Uint16(file[at+3:])]
	path := filepath.Join(t.TempDir(), "photo.jp2")
	require.NoError(t, os.WriteFile(path, photo, 0o600))
	decoded, err := jp2.Decode(photo)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(decompressed(t, path, len(decoded.Pix)), decoded.Pix))
}

// An image that lies about itself is rejected.
//
// Faults: F145.
func TestRejectedImages(t *testing.T) {
	photo := simulator.DefaultPersona().Photo
	siz, cod, qcd := bytes.Index(photo, []byte{0xFF, 0x51}), bytes.Index(photo, []byte{0xFF, 0x52}), bytes.Index(photo, []byte{0xFF, 0x5C})
	sot := bytes.Index(photo, []byte{0xFF, 0x90})
	change := func(at int, value ...byte) []byte {
		changed := bytes.Clone(photo)
		copy(changed[at:], value)
		return changed
	}
	for name, test := range map[string]struct {
		image []byte
		err   error
	}{
		"nothing":                  {nil, jp2.ErrMalformed},
		"a PNG":                    {[]byte("\x89PNG\r\n\x1a\n"), jp2.ErrMalformed},
		"boxes only":               {photo[:77], jp2.ErrMalformed},
		"a box of 4 GB":            {change(0, 0xFF, 0xFF, 0xFF, 0xFF), jp2.ErrMalformed},
		"a box of 16 EB":           {append([]byte{0, 0, 0, 1, 'j', 'p', '2', 'c', 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, photo...), jp2.ErrMalformed},
		"no width":                 {change(siz+6, 0, 0, 0, 0), jp2.ErrMalformed},
		"4 billion columns":        {change(siz+6, 0xFF, 0xFF, 0xFF, 0xFF), jp2.ErrUnsupported},
		"4 billion rows":           {change(siz+10, 0xFF, 0xFF, 0xFF, 0xFF), jp2.ErrUnsupported},
		"an offset":                {change(siz+14, 0, 0, 0, 1), jp2.ErrUnsupported},
		"small tiles":              {change(siz+22, 0, 0, 0, 1), jp2.ErrUnsupported},
		"16,384 components":        {change(siz+38, 0x40, 0), jp2.ErrUnsupported},
		"16 bits":                  {change(siz+40, 15), jp2.ErrUnsupported},
		"subsampling":              {change(siz+41, 2), jp2.ErrUnsupported},
		"33 levels":                {change(cod+9, 33), jp2.ErrMalformed},
		"9 levels":                 {change(cod+9, 9), jp2.ErrUnsupported},
		"another number of levels": {change(cod+9, 4), jp2.ErrMalformed},
		"blocks of 1,024":          {change(cod+10, 8), jp2.ErrUnsupported},
		"a block style":            {change(cod+12, 1), jp2.ErrUnsupported},
		"the irreversible wavelet": {change(cod+13, 0), jp2.ErrUnsupported},
		"many layers":              {change(cod+6, 0xFF, 0xFF), jp2.ErrUnsupported},
		"precincts":                {change(cod+4, 1), jp2.ErrUnsupported},
		"quantization":             {change(qcd+4, 0x42), jp2.ErrUnsupported},
		"31 bit planes":            {change(qcd+5, 0xF8), jp2.ErrUnsupported},
		"another tile":             {change(sot+5, 1), jp2.ErrUnsupported},
		"two tile-parts":           {change(sot+11, 2), jp2.ErrUnsupported},
		"a tile-part of 4 GB":      {change(sot+6, 0xFF, 0xFF, 0xFF, 0xFF), jp2.ErrMalformed},
		"a tile-part of 1 byte":    {change(sot+6, 0, 0, 0, 1), jp2.ErrMalformed},
		"a segment of 0 bytes":     {change(siz+2, 0, 0), jp2.ErrMalformed},
		"a segment of 64 kB":       {change(cod+2, 0xFF, 0xFF), jp2.ErrMalformed},
	} {
		_, err := jp2.Decode(test.image)
		require.ErrorIs(t, err, test.err, name)
	}
	for n := range photo {
		_, err := jp2.Decode(photo[:n])
		require.Error(t, err, "%d bytes", n)
	}
}

// No image makes the decoder panic or use more than its limits.
//
// Faults: F145.
func FuzzDecode(f *testing.F) {
	photo := simulator.DefaultPersona().Photo
	f.Add(photo)
	f.Add(photo[bytes.Index(photo, []byte{0xFF, 0x4F}):])
	f.Fuzz(func(t *testing.T, b []byte) {
		if decoded, err := jp2.Decode(b); err == nil {
			size := decoded.Bounds().Size()
			require.Equal(t, size.X*size.Y, len(decoded.Pix))
			require.LessOrEqual(t, size.X*size.Y, 2048*2048)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	photo := simulator.DefaultPersona().Photo
	for b.Loop() {
		if _, err := jp2.Decode(photo); err != nil {
			b.Fatal(err)
		}
	}
}
