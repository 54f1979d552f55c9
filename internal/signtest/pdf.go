package signtest

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// Page is the text on the page of [PDF].
const Page = "Pay 1,000 yen"

// objects returns the objects of a file with one page.
func objects() map[int]string {
	content := "BT /F1 24 Tf 72 720 Td (" + Page + ") Tj ET"
	return map[int]string{
		1: "<</Type /Catalog /Pages 2 0 R>>",
		2: "<</Type /Pages /Kids [3 0 R] /Count 1>>",
		3: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>>>>",
		4: fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content),
		5: "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>",
		6: "<</Title (Receipt) /Producer (signtest)>>",
	}
}

// PDF returns a PDF file with one page and a cross-reference table. Objects in changed replace or add to its
// own: 1 is the catalog, 2 the page tree, 3 the page, 4 its content, 5 a font, 6 the document information.
func PDF(changed map[int]string) []byte {
	o := objects()
	maps.Copy(o, changed)
	return Update([]byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n"), o, "/Info 6 0 R")
}

var sizes = regexp.MustCompile(`/Size (\d{1,9})`)

// Update appends objects to a file as an incremental update with a cross-reference table. trailer are
// entries of the trailer besides Root, Size and Prev.
func Update(file []byte, objects map[int]string, trailer string) []byte {
	b := bytes.Clone(file)
	places := map[int]int{}
	numbers := slices.Sorted(maps.Keys(objects))
	for _, number := range numbers {
		places[number] = len(b)
		b = fmt.Appendf(b, "%d 0 obj\n%s\nendobj\n", number, objects[number])
	}
	at := len(b)
	b = append(b, "xref\n"...)
	if previous := StartXref(file); previous < 0 {
		b = append(b, "0 1\n0000000000 65535 f\r\n"...)
	} else {
		trailer += fmt.Sprintf(" /Prev %d", previous)
	}
	for _, number := range numbers {
		b = fmt.Appendf(b, "%d 1\n%010d 00000 n\r\n", number, places[number])
	}
	size := append(numbers, 0)[max(len(numbers)-1, 0)] + 1 // one more than the highest number
	for _, found := range sizes.FindAllSubmatch(file, -1) {
		earlier, _ := strconv.Atoi(string(found[1])) // digits
		size = max(size, earlier)
	}
	return fmt.Appendf(b, "trailer\n<</Root 1 0 R /Size %d %s>>\nstartxref\n%d\n%%%%EOF\n", size, trailer, at)
}

// StartXref returns the offset of the newest cross-reference section, or -1.
func StartXref(file []byte) int {
	i := bytes.LastIndex(file, []byte("startxref\n"))
	if i < 0 {
		return -1
	}
	var at int
	if _, err := fmt.Sscanf(string(file[i:]), "startxref\n%d", &at); err != nil {
		return -1
	}
	return at
}

// CompressedPDF is like [PDF] with nil, with an object stream and a cross-reference stream.
func CompressedPDF() []byte {
	o := objects()
	b := []byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	var head, body bytes.Buffer
	inside := []int{1, 2, 3, 5, 6}
	for _, number := range inside {
		fmt.Fprintf(&head, "%d %d ", number, body.Len())
		body.WriteString(o[number] + "\n")
	}
	entries := map[int][3]int{0: {0, 0, 65535}}
	for i, number := range inside {
		entries[number] = [3]int{2, 7, i}
	}
	entries[4] = [3]int{1, len(b), 0}
	b = fmt.Appendf(b, "4 0 obj\n%s\nendobj\n", o[4])
	entries[7] = [3]int{1, len(b), 0}
	b = appendCompressed(b, 7, fmt.Sprintf("/Type /ObjStm /N %d /First %d", len(inside), head.Len()), append(head.Bytes(), body.Bytes()...))
	entries[8] = [3]int{1, len(b), 0}
	var rows []byte
	previous := make([]byte, 5)
	for number := range 9 {
		e := entries[number]
		row := []byte{byte(e[0]), byte(e[1] >> 16), byte(e[1] >> 8), byte(e[1]), byte(e[2])}
		rows = append(rows, 2) // the predictor Up
		for i := range row {
			rows = append(rows, row[i]-previous[i])
		}
		previous = row
	}
	at := len(b)
	b = appendCompressed(b, 8, "/Type /XRef /Size 9 /W [1 3 1] /Root 1 0 R /Info 6 0 R /DecodeParms <</Predictor 12 /Columns 5>>", rows)
	return fmt.Appendf(b, "startxref\n%d\n%%%%EOF\n", at)
}

func appendCompressed(b []byte, number int, entries string, data []byte) []byte {
	var compressed bytes.Buffer
	z := zlib.NewWriter(&compressed)
	_, _ = z.Write(data) // a bytes.Buffer does not fail
	_ = z.Close()
	return fmt.Appendf(b, "%d 0 obj\n<<%s /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream\nendobj\n", number, entries, compressed.Len(), compressed.String())
}
