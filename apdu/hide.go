package apdu

// hide keeps data where printing by reflection can't follow: fmt and others
// read the fields of a struct without asking its methods, and of a function
// they show the address. It costs one allocation, and none for no data.
func hide(data []byte) func() []byte {
	if len(data) == 0 {
		return nil
	}
	return func() []byte { return data }
}

// reveal returns the data that hide was given, nil for none.
func reveal(hidden func() []byte) []byte {
	if hidden == nil {
		return nil
	}
	return hidden()
}
