//go:build !windows

package cli

// systemLanguage returns "": the environment names the language.
func systemLanguage() string { return "" }
