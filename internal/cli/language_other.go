//go:build !windows

package cli

// systemLanguage is left to the environment.
func systemLanguage() string { return "" }
