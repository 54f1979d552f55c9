package registry

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// saveInterval is how often the progress of a verification is saved.
var saveInterval = 15 * time.Second // a variable for tests

const progressPurpose = "registry/progress/v1"

// workFolder contains the files of a verification.
type workFolder struct {
	progress string // path
	entries  *os.File
}

// openFolder opens the files of a verification, and continues an interrupted one.
func (v *verification) openFolder(path string) (err error) {
	f := &workFolder{progress: filepath.Join(path, "progress.json")}
	if f.entries, err = os.OpenFile(filepath.Join(path, "entries"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	v.folder, v.spill.file = f, f.entries
	if err = v.resume(); err != nil {
		_ = f.entries.Close() // report the first error
	}
	return err
}

// resume reads the progress of an interrupted verification, if there is one.
func (v *verification) resume() error {
	saved := progress{}
	text, err := os.ReadFile(v.folder.progress)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.progress.Salt = newSalt()
		v.spill.key = auditorKey(v.auditor, progressPurpose, v.progress.Salt)
		return v.folder.entries.Truncate(0)
	case err != nil:
		return err
	}
	if err := openJSON(v.auditor, progressPurpose, text, &saved); err != nil {
		return err
	}
	if saved.Namespace != v.progress.Namespace || !bytes.Equal(saved.Base, v.progress.Base) {
		return ErrCheckpoint
	}
	v.progress = saved
	v.spill.key = auditorKey(v.auditor, progressPurpose, saved.Salt)
	if err := v.spill.restore(saved.Length); err != nil {
		return err
	}
	if v.touched == nil {
		return nil
	}
	for n := range bucketCount {
		b, err := v.spill.load(n)
		if err != nil {
			return err
		}
		for _, e := range parseEntries(b) {
			v.touched[e.row] = true
		}
	}
	return nil
}

// close closes the files, and deletes them if the verification has a result.
func (f *workFolder) close(remove bool) error {
	err := f.entries.Close()
	if remove {
		err = errors.Join(err, ignoreMissing(os.Remove(f.progress)), os.Remove(f.entries.Name()))
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// saveSometimes saves the progress if it was not saved for some time.
func (v *verification) saveSometimes() error {
	if v.folder == nil {
		return nil
	}
	v.mu.Lock()
	due := time.Since(v.savedProgress) >= saveInterval
	if due {
		v.savedProgress = time.Now()
	}
	v.mu.Unlock()
	if !due {
		return nil
	}
	return v.saveProgress()
}

// saveProgress saves how far the chains were read. It does nothing without a folder.
func (v *verification) saveProgress() error {
	if v.folder == nil {
		return nil
	}
	v.gate.Lock() // no page is being added
	defer v.gate.Unlock()
	mark, err := v.spill.mark()
	if err != nil {
		return err
	}
	v.progress.Length = mark.length
	text, err := signJSON(v.auditor, progressPurpose, v.progress)
	if err != nil {
		return err
	}
	if err := v.folder.entries.Sync(); err != nil {
		return err
	}
	temporary := v.folder.progress + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, v.folder.progress)
}
