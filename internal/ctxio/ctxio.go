// Package ctxio makes reading end with a context.
//
//	_, err := io.Copy(hash, ctxio.Reader(ctx, file))
package ctxio

import (
	"context"
	"io"
)

// Reader returns a reader that reads from r, and returns the context's error instead once ctx has ended. It does not
// interrupt a read of r that blocks.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
