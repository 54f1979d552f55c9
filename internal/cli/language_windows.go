package cli

import "golang.org/x/sys/windows"

// systemLanguage returns the language of the user's desktop: Windows sets no
// environment variable that names a locale.
func systemLanguage() string {
	languages, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil || len(languages) == 0 {
		return ""
	}
	return languages[0]
}
