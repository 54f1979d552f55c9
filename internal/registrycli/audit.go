package registrycli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// MaxListSize is the maximum size of a file with terminal keys or heads, in bytes.
const MaxListSize = 1 << 20

var (
	textVerified = Text{
		JA: "# 検証しました: 記録%d件、端末%d台、ID %d件、申込み%d件\n",
		EN: "# verified: records %d, terminals %d, identifiers %d, applications %d\n",
	}
	textPurges = Text{JA: "# すべてのIDと申込みの消去: %d回\n", EN: "# all IDs and applications were deleted: %d times\n"}
	textEmpty  = Text{JA: "# この台帳には、まだ何も記録されていません。\n", EN: "# This registry is empty: it has no records yet.\n"}
)

// WriteAudit writes the report of an audit, as text or JSON, in the format that [ReadHeads]
// reads.
func WriteAudit(c *cli.Console, report registry.Report) error {
	if c.JSON {
		return cli.WriteJSON(c.Stdout, struct {
			Records      int64           `json:"records"`
			Terminals    int             `json:"terminals"`
			Reservations int64           `json:"reservations"`
			Applications int64           `json:"applications"`
			Purges       int64           `json:"purges"`
			Heads        []registry.Head `json:"heads"`
		}{report.Records, len(report.Heads), report.Reservations, report.Applications, report.Purges, report.Heads})
	}
	var b strings.Builder
	if report.Records == 0 {
		b.WriteString(c.Say(textEmpty))
	}
	fmt.Fprintf(&b, c.Say(textVerified), report.Records, len(report.Heads), report.Reservations, report.Applications)
	if report.Purges > 0 {
		fmt.Fprintf(&b, c.Say(textPurges), report.Purges)
	}
	for _, h := range report.Heads {
		fmt.Fprintf(&b, "%s %d %x\n", h.Chain, h.Number, h.Hash)
	}
	_, err := c.Stdout.Write([]byte(b.String()))
	return err
}

// ReadHeads reads the saved output of one or more audits, as text or JSON.
func ReadHeads(c *cli.Console, path string) ([]registry.Head, error) {
	if path == "" {
		return nil, nil
	}
	text, _, err := keyfile.Read(path, MaxListSize)
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		// For example after "audit --heads F > F", where the shell empties F first.
		err = errors.New("the file is empty")
	}
	var heads []registry.Head
	if err == nil {
		heads, err = parseHeads(text)
	}
	if err != nil {
		return nil, cli.Because(fmt.Errorf("--heads: %s: %w", path, err), CodeHeads,
			Text{JA: "--heads のファイルを使えません。理由は下の行にあります。", EN: "The --heads file can't be used. The line below says why."},
			Text{
				JA: c.Command + " audit の出力を保管したファイルを指定してください。\n新しい出力は、別のファイルに保管してください。",
				EN: "Give a file with the output of an earlier " + c.Command + " audit.\nSave the new output in another file.",
			})
	}
	return heads, nil
}

// parseHeads parses lines of JSON, or of a terminal name, a number and a hash. Lines that
// start with # are comments.
func parseHeads(text []byte) (heads []registry.Head, err error) {
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "{"):
			var report struct {
				Heads []registry.Head `json:"heads"`
			}
			if json.Unmarshal([]byte(line), &report) != nil {
				return nil, fmt.Errorf("line %d: not the output of audit --json", number)
			}
			heads = append(heads, report.Heads...)
			continue
		}
		h, ok := parseHead(line)
		if !ok {
			return nil, fmt.Errorf("line %d: not a terminal name, a number and a hash", number)
		}
		heads = append(heads, h)
	}
	return heads, nil
}

func parseHead(line string) (h registry.Head, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return h, false
	}
	n, err := strconv.ParseInt(fields[1], 10, 64)
	hash, wrong := hex.DecodeString(fields[2])
	return registry.Head{Chain: fields[0], Number: n, Hash: hash}, err == nil && wrong == nil && n > 0 && len(hash) == 32
}
