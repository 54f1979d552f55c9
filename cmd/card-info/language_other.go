//go:build !windows

package main

// systemLanguage is left to the environment.
func systemLanguage() string { return "" }
