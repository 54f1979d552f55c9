package apdu

// hide returns a function that returns data, so that data are not printed: fmt and
// others print the fields of a struct without calling its methods, but only the
// address of a function. It returns nil if data is empty.
func hide(data []byte) func() []byte {
	if len(data) == 0 {
		return nil
	}
	return func() []byte { return data }
}

// reveal returns the data that were passed to hide.
func reveal(hidden func() []byte) []byte {
	if hidden == nil {
		return nil
	}
	return hidden()
}
