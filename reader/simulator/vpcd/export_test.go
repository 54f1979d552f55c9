package vpcd

import "time"

// SetSilence changes how long the virtual reader may send nothing.
func SetSilence(d time.Duration) (restore func()) {
	before := silence
	silence = d
	return func() { silence = before }
}
