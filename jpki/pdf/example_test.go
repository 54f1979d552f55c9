package pdf_test

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// A program verifies the signatures of a file.
func Example() {
	v := cms.Verifier{Trust: trust.Policy{Anchors: trust.JLISSignature(), Required: true}}
	content, err := os.ReadFile("testdata/unsigned.pdf")
	if err != nil {
		panic(err)
	}
	result, err := pdf.Verify(context.Background(), bytes.NewReader(content), int64(len(content)), &v)
	if err != nil {
		fmt.Println("not valid:", err)
		return
	}
	for _, s := range result.Signatures {
		fmt.Println("valid, revocation not checked:", s.SubFilter, s.Whole)
	}
	// Output:
	// not valid: PDF has no signature
}
