package vpcd

import "time"

// SetSilence changes how long the reader may say nothing, for a test.
func SetSilence(d time.Duration) (restore func()) {
	before := silence
	silence = d
	return func() { silence = before }
}
