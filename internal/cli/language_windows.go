package cli

import "golang.org/x/sys/windows"

// systemLanguage is the language of the user's desktop: Windows sets none of
// the variables that name a locale.
func systemLanguage() string {
	languages, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil || len(languages) == 0 {
		return ""
	}
	return languages[0]
}
