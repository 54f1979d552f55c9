package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/jpki/pdf"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// visibleOptions are the flags of sign for a signature that is shown on a page.
type visibleOptions struct {
	visible      bool
	corner, font string
	page         int
}

var corners = map[string]pdf.Corner{
	"bottom-right": pdf.BottomRight, "bottom-left": pdf.BottomLeft, "top-right": pdf.TopRight, "top-left": pdf.TopLeft,
}

// check returns what is wrong with the flags. given reports whether a flag is given.
func (o visibleOptions) check(given func(flag string) bool) error {
	for _, flag := range []string{"corner", "page", "font"} {
		if given(flag) && !o.visible {
			return fmt.Errorf("--%s: without --visible", flag)
		}
	}
	if _, known := corners[o.corner]; !known {
		return fmt.Errorf("--corner: %q", o.corner)
	}
	if o.page < 1 {
		return fmt.Errorf("--page: %d", o.page)
	}
	return nil
}

// openFont opens the font that the flags name, or one of the system.
func (o visibleOptions) openFont() (*os.File, error) {
	path := o.font
	if path == "" {
		if path = japaneseFont(fontFolders()); path == "" {
			return nil, fmt.Errorf("%w: none was found", pdf.ErrFont)
		}
	}
	file, _, err := keyfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pdf.ErrFont, err)
	}
	return file, nil
}

// visibleText returns the text that is shown.
func (p *program) visibleText(name string) []string {
	return []string{p.Say(textVisibleTitle), name, p.now().In(trust.Japan).Format(p.Say(textVisibleTime))}
}

// japaneseFonts are files of common fonts with Japanese characters, the better first: the choice of Debian's
// alternatives, IPA, Noto, and the fonts of Windows and macOS.
var japaneseFonts = []string{
	"fonts-japanese-gothic.ttf", "ipaexg.ttf", "ipag.ttf", "NotoSansCJK-Regular.ttc", "NotoSansCJKjp-Regular.otf", "NotoSansJP-Regular.otf",
	"NotoSansJP-Regular.ttf", "VL-Gothic-Regular.ttf", "YuGothM.ttc", "YuGothR.ttc", "meiryo.ttc", "msgothic.ttc", "Arial Unicode.ttf",
}

// fontFolders returns where systems keep fonts.
func fontFolders() []string {
	folders := []string{"/usr/local/share/fonts", "/usr/share/fonts", "/Library/Fonts", "/System/Library/Fonts"}
	if windows := os.Getenv("WINDIR"); windows != "" {
		folders = append(folders, filepath.Join(windows, "Fonts"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		folders = append(folders, filepath.Join(home, ".local/share/fonts"), filepath.Join(home, ".fonts"), filepath.Join(home, "Library/Fonts"))
	}
	return folders
}

// japaneseFont returns a font with Japanese characters in these folders, or nothing.
func japaneseFont(folders []string) string {
	best, path := len(japaneseFonts), ""
	for _, folder := range folders {
		_ = filepath.WalkDir(folder, func(found string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // a folder that is missing or closed has no font to use
			}
			is := func(name string) bool { return strings.EqualFold(name, entry.Name()) }
			if i := slices.IndexFunc(japaneseFonts, is); i >= 0 && i < best && !entry.IsDir() {
				best, path = i, found
			}
			return nil
		})
	}
	return path
}
